"""A segment: some entries with all that is needed to search them, never changed once made.

An entry is an answer in all its languages. Rows are texts (each phrasing, and each answer); the
rows of one variant stand together, phrasings first and the answer last, and the variants of one
entry stand together. An edit makes a new small segment; the old rows are struck out by a mask.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from retrieval import index, tokens
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.spec import Side, Vectors
from retrieval.index import Mask
from retrieval.ints import Ints, spans
from retrieval.lexical import LexicalIndex

FOREVER = np.inf
ENTRIES_AT_ONCE = 20_000
Key = tuple[str, str, str, int]
"""Language, channel, audience, and number of the period between two limits of validity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One text of one answer in the index."""

    answer: PastAnswer
    text: str
    side: Side

    @property
    def key(self) -> tuple[Side, str]:
        """What its vector is remembered by."""
        return self.side, self.text


def rows_of(answer: PastAnswer) -> list[Row]:
    """The texts by which an answer is found: its phrasings, and last the answer itself."""
    asked = [Row(answer=answer, text=question, side=Side.QUERY) for question in answer.questions]
    # A collection of mere questions has no other text: it is embedded once.
    side = Side.QUERY if answer.text in answer.questions else Side.PASSAGE
    return [*asked, Row(answer=answer, text=answer.text, side=side)]


def entries_of(answers: Iterable[PastAnswer]) -> dict[str, tuple[PastAnswer, ...]]:
    """The variants of each entry by its id, sorted by language."""
    found: dict[str, list[PastAnswer]] = {}
    for answer in answers:
        found.setdefault(answer.id, []).append(answer)
    return {name: tuple(sorted(v, key=lambda a: a.lang)) for name, v in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which rows, variants and entries belong together, and who may use them."""

    variant_of: Ints
    """(rows,)"""
    row_starts: Ints
    """(variants + 1,) where the rows of each variant begin."""
    entry_of: Ints
    """(variants,)"""
    variant_starts: Ints
    """(entries + 1,) where the variants of each entry begin."""
    asked: Mask
    """(rows,) True for phrasings, False for answers."""
    centre_length: NDArray[np.float32]
    """(entries,) length of the mean of the vectors of its phrasings, 0 to 1."""

    def block(self, entries: Ints) -> Block:
        """All variants and rows of `entries`, which are ascending."""
        first = self.variant_starts[entries]
        variants = self.variant_starts[entries + 1] - first
        whole = spans(first, first + variants)
        begin = self.row_starts[whole]
        sizes = self.row_starts[whole + 1] - begin
        ends = np.cumsum(sizes)
        after = np.cumsum(variants)
        return Block(
            entries=entries,
            variants=whole,
            rows=spans(begin, begin + sizes),
            starts=ends - sizes,
            last=ends - 1,
            phrasings=sizes - 1,
            firsts=after - variants,
            counts=variants,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some entries of a segment with all their variants and rows, in the segment's order."""

    entries: Ints
    """(entries,) their numbers in the segment."""
    variants: Ints
    """(variants,) their numbers in the segment."""
    rows: Ints
    """(rows,) their numbers in the segment: the phrasings of a variant, then its answer."""
    starts: Ints
    """(variants,) where the rows of each begin, in this block."""
    last: Ints
    """(variants,) the row of each variant's answer, in this block."""
    phrasings: Ints
    """(variants,) how many each has."""
    firsts: Ints
    """(entries,) the first variant of each, in this block."""
    counts: Ints
    """(entries,) how many variants each has."""


class Access:
    """Who may use which variant, and when."""

    def __init__(self, answers: Sequence[PastAnswer], entry_of: Ints) -> None:
        """Note what concerns access; the texts are not kept."""
        self._langs = _numbered(a.lang for a in answers)
        self._channels = _numbered(a.channel or "" for a in answers)
        self._audiences = _numbered(a.audience or "" for a in answers)
        self._enabled = np.fromiter((a.enabled for a in answers), np.bool_, len(answers))
        self._entry_of = entry_of
        self._from = _instants([a.valid_from for a in answers], -FOREVER)
        self._until = _instants([a.valid_until for a in answers], FOREVER)
        ends = np.nextafter(self._until[self._until < FOREVER], FOREVER)  # the last instant counts
        self._limits = np.unique(np.concatenate([self._from[self._from > -FOREVER], ends]))

    def key(self, query: Query) -> Key:
        """What decides about who may use what: queries with equal keys may use the same."""
        period = 0
        if len(self._limits):
            period = int(np.searchsorted(self._limits, query.now.timestamp(), side="right"))
        return query.language, query.channel, query.audience, period

    def usable(self, key: Key) -> Mask:
        """(variants,) True for those that may answer.

        Another language serves where an entry lacks the one that is asked in.
        """
        language, channel, audience, period = key
        spoken = _is(self._langs, language)
        speaks = np.zeros(int(self._entry_of.max()) + 1, np.bool_)
        speaks[self._entry_of[spoken]] = True
        found = self._enabled & (spoken | ~speaks[self._entry_of])
        found &= _is(self._channels, "") | _is(self._channels, channel)
        found &= _is(self._audiences, "") | _is(self._audiences, audience)
        if len(self._limits):
            now = self._limits[period - 1] if period else -FOREVER
            found &= (self._from <= now) & (now <= self._until)
        return np.asarray(found, np.bool_)


Numbered = tuple[Mapping[str, int], NDArray[np.int32]]
"""Words by number, and the number of each variant's word."""


def _numbered(words: Iterable[str]) -> Numbered:
    numbers: dict[str, int] = {}
    which = [numbers.setdefault(word, len(numbers)) for word in words]
    return numbers, np.array(which, np.int32)


def _is(words: Numbered, word: str) -> Mask:
    numbers, which = words
    return np.asarray(which == numbers.get(word, -1), np.bool_)


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Entries, their vectors and their words."""

    names: tuple[str, ...]
    """Ids of the entries."""
    places: Mapping[str, int]
    """Id → number of the entry."""
    answers: Sequence[PastAnswer]
    """The variants."""
    shape: Shape
    access: Access
    vectors: Vectors
    """(rows, dim), whitened."""
    expert: Vectors | None
    """(rows, dim) of the encoder for one language; zero rows for the others."""
    dense: index.Index
    lexical: LexicalIndex
    intents: Mapping[str, Sequence[int]]
    """The variants that answer an intent."""

    def text(self, row: int) -> str:
        """The text of a row."""
        variant = int(self.shape.variant_of[row])
        answer = self.answers[variant]
        place = row - int(self.shape.row_starts[variant])
        return answer.questions[place] if place < len(answer.questions) else answer.text

    def naming(self, term: str) -> Ints:
        """The variants in which `term` stands, ascending, with repetitions."""
        found: Ints = self.shape.variant_of[self.lexical.rows_with(term)]
        return found

    def entry_answers(self, entry: int) -> tuple[PastAnswer, ...]:
        """The variants of one entry."""
        start, end = self.shape.variant_starts[entry : entry + 2]
        return tuple(self.answers[i] for i in range(start, end))


def build(
    entries: Mapping[str, Sequence[PastAnswer]], vectors: Vectors, expert: Vectors | None
) -> Segment:
    """A segment of at least one entry.

    Args:
        entries: the variants of each entry, by id.
        vectors: (rows, dim) of their texts in the order of `rows_of`, whitened.
        expert: the same from the encoder for one language, or None.
    """
    answers = tuple(itertools.chain.from_iterable(entries.values()))
    words = (tokens.terms(row.text) for answer in answers for row in rows_of(answer))
    return assembled(
        tuple(entries),
        answers,
        _shape(entries, answers, vectors),
        vectors=vectors,
        expert=expert,
        dense=index.choose(vectors),
        lexical=LexicalIndex.build(words),
    )


def assembled(
    names: tuple[str, ...],
    answers: Sequence[PastAnswer],
    shape: Shape,
    *,
    vectors: Vectors,
    expert: Vectors | None,
    dense: index.Index,
    lexical: LexicalIndex,
) -> Segment:
    """A segment of parts that are there already."""
    return Segment(
        names=names,
        places={name: place for place, name in enumerate(names)},
        answers=answers,
        shape=shape,
        access=Access(answers, shape.entry_of),
        vectors=vectors,
        expert=expert,
        dense=dense,
        lexical=lexical,
        intents=_intents(answers),
    )


def _shape(
    entries: Mapping[str, Sequence[PastAnswer]], answers: Sequence[PastAnswer], vectors: Vectors
) -> Shape:
    sizes = np.array([len(a.questions) + 1 for a in answers])
    row_starts = np.concatenate(([0], np.cumsum(sizes)))
    variants = np.array([len(v) for v in entries.values()])
    variant_starts = np.concatenate(([0], np.cumsum(variants)))
    variant_of = np.repeat(np.arange(len(answers)), sizes)
    entry_of = np.repeat(np.arange(len(entries)), variants)
    asked = np.ones(len(variant_of), np.bool_)
    asked[row_starts[1:] - 1] = False
    entry_rows = entry_of[variant_of]  # (rows,)
    counts = np.bincount(entry_rows[asked], minlength=len(entries))
    lengths = _sum_lengths(vectors, np.flatnonzero(asked), entry_rows[asked]) / counts
    return Shape(
        variant_of=variant_of,
        row_starts=row_starts,
        entry_of=entry_of,
        variant_starts=variant_starts,
        asked=asked,
        centre_length=np.maximum(lengths, 1e-6).astype(np.float32),
    )


def _intents(answers: Sequence[PastAnswer]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for variant, answer in enumerate(answers):
        if answer.intent:
            found.setdefault(answer.intent, []).append(variant)
    return found


def _sum_lengths(vectors: Vectors, rows: Ints, entry_of: Ints) -> NDArray[np.float64]:
    """(entries,) length of the sum of the vectors at `rows` (m,) that belong to each entry.

    Piece by piece, so that half-precision vectors are not widened all at once.
    """
    firsts = np.flatnonzero(np.diff(entry_of, prepend=-1))  # (entries,)
    ends = np.append(firsts[1:], len(rows))
    lengths = np.empty(len(firsts))
    for start in range(0, len(firsts), ENTRIES_AT_ONCE):
        some = slice(start, start + ENTRIES_AT_ONCE)
        begin, end = firsts[start], ends[some][-1]
        piece = vectors[rows[begin:end]].astype(np.float32)
        sums = np.add.reduceat(piece, firsts[some] - begin, axis=0)  # (some, dim)
        lengths[some] = np.linalg.norm(sums, axis=1)
    return lengths


def _instants(moments: Sequence[datetime | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if moment is None else moment.timestamp() for moment in moments])

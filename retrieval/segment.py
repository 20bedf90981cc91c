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
from retrieval.lexical import LexicalIndex

FOREVER = np.inf
Ints = NDArray[np.int64]


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

    def rows(self, entries: Ints) -> Ints:
        """All rows of `entries`, which are ascending; (m,)."""
        starts = self.row_starts[self.variant_starts[entries]]
        return spans(starts, self.row_starts[self.variant_starts[entries + 1]])


def spans(starts: Ints, ends: Ints) -> Ints:
    """The numbers from each start up to its end, one span after the other."""
    sizes = ends - starts
    before = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    return np.repeat(starts - before, sizes) + np.arange(int(sizes.sum()))


class Access:
    """Who may use which variant, and when."""

    def __init__(self, answers: Sequence[PastAnswer], entry_of: Ints) -> None:
        """Note what concerns access; the texts are not kept."""
        self._langs = np.array([a.lang for a in answers], dtype=object)
        self._channels = np.array([a.channel or "" for a in answers], dtype=object)
        self._audiences = np.array([a.audience or "" for a in answers], dtype=object)
        self._enabled = np.array([a.enabled for a in answers], np.bool_)
        self._entry_of = entry_of
        self._from = _instants([a.valid_from for a in answers], -FOREVER)
        self._until = _instants([a.valid_until for a in answers], FOREVER)
        self._limited = np.flatnonzero((self._from > -FOREVER) | (self._until < FOREVER))
        self._standing: dict[tuple[str, str, str], Mask] = {}

    def usable(self, query: Query) -> Mask:
        """(variants,) True for those that may answer `query`."""
        key = query.language, query.channel, query.audience
        if key not in self._standing:
            self._standing[key] = self._stands(*key)
        standing = self._standing[key]
        if not len(self._limited):
            return standing
        some, now = self._limited, query.now.timestamp()
        found = standing.copy()
        found[some] &= (self._from[some] <= now) & (now <= self._until[some])
        return found

    def _stands(self, language: str, channel: str, audience: str) -> Mask:
        """What holds at any time. Another language serves where an entry lacks this one."""
        spoken = self._langs == language
        speaks = np.zeros(int(self._entry_of.max()) + 1, np.bool_)
        speaks[self._entry_of[spoken]] = True
        return np.asarray(
            self._enabled
            & (spoken | ~speaks[self._entry_of])
            & np.isin(self._channels, ("", channel))
            & np.isin(self._audiences, ("", audience)),
            np.bool_,
        )


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
    codes: Mapping[int, frozenset[str]]
    """Codes that a variant names, for those that name any."""

    def text(self, row: int) -> str:
        """The text of a row."""
        variant = int(self.shape.variant_of[row])
        answer = self.answers[variant]
        place = row - int(self.shape.row_starts[variant])
        return answer.questions[place] if place < len(answer.questions) else answer.text

    def entry_answers(self, entry: int) -> tuple[PastAnswer, ...]:
        """The variants of one entry."""
        start, end = self.shape.variant_starts[entry : entry + 2]
        return tuple(self.answers[i] for i in range(start, end))


def build(
    entries: Mapping[str, Sequence[PastAnswer]], vectors: Vectors, expert: Vectors | None,
    *, words: Sequence[Sequence[str]] | None = None,
) -> Segment:  # fmt: skip
    """A segment of at least one entry.

    Args:
        entries: the variants of each entry, by id.
        vectors: (rows, dim) of their texts in the order of `rows_of`, whitened.
        expert: the same from the encoder for one language, or None.
        words: the terms of each row, if they are known already.
    """
    answers = tuple(itertools.chain.from_iterable(entries.values()))
    rows = [row for answer in answers for row in rows_of(answer)]
    words = words or [tokens.terms(row.text) for row in rows]
    shape = _shape(entries, answers, vectors)
    return Segment(
        names=tuple(entries),
        places={name: place for place, name in enumerate(entries)},
        answers=answers,
        shape=shape,
        access=Access(answers, shape.entry_of),
        vectors=vectors,
        expert=expert,
        dense=index.choose(vectors),
        lexical=LexicalIndex.build(words),
        codes=_codes(words, shape),
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
    firsts = np.flatnonzero(np.diff(entry_rows[asked], prepend=-1))
    sums = np.add.reduceat(vectors[asked].astype(np.float32), firsts, axis=0)  # (entries, dim)
    lengths = np.linalg.norm(sums, axis=1) / counts
    return Shape(
        variant_of=variant_of,
        row_starts=row_starts,
        entry_of=entry_of,
        variant_starts=variant_starts,
        asked=asked,
        centre_length=np.maximum(lengths, 1e-6).astype(np.float32),
    )


def _codes(words: Sequence[Sequence[str]], shape: Shape) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for row, terms in enumerate(words):
        for term in terms:
            if term.startswith(tokens.CODE):
                found.setdefault(int(shape.variant_of[row]), set()).add(term)
    return {variant: frozenset(codes) for variant, codes in found.items()}


def _instants(moments: Sequence[datetime | None], missing: float) -> NDArray[np.float64]:
    return np.array([missing if moment is None else moment.timestamp() for moment in moments])

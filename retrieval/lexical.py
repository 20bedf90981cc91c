"""BM25 over the texts of a segment: an inverted index in flat NumPy arrays, made once.

Rare terms find rows, frequent ones only sort what was found: the work for one query is bounded by
`POSTINGS` whatever the number of rows. BM25: Robertson & Zaragoza 2009, section 3; scores are
divided by the most that the query could reach, so that they are comparable between queries.
"""

from __future__ import annotations

import math
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval import tokens
from retrieval.ints import distinct

K1 = 1.2
B = 0.75
POSTINGS = 60_000  # read for one query to find rows, at most, unless its rarest term has more
MAX_QUERY_TERMS = 96
Rows = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalQuery:
    """The terms of a query with their weights in the whole collection."""

    idf: Mapping[str, float]
    ceiling: float
    """The sum over all terms, also those that no text has; above 0."""
    codes: Mapping[str, float]
    """Codes of the query with their share of the highest possible idf, 0 to 1."""


class LexicalIndex:
    """Postings of some rows of text."""

    def __init__(
        self, terms: Mapping[str, int], starts: Rows, rows: NDArray[np.int32], weights: Floats,
        *, count: int,
    ) -> None:  # fmt: skip
        """Take over finished arrays.

        Args:
            terms: term → its number.
            starts: (terms + 1,) where the postings of each term begin.
            rows: (postings,) row numbers, ascending within a term.
            weights: (postings,) saturated term frequencies.
            count: how many rows there are.
        """
        self.terms = terms
        self.starts = starts
        self.rows = rows
        self.weights = weights
        self.count = count

    @classmethod
    def build(cls, texts: Iterable[Sequence[str]]) -> LexicalIndex:
        """The index of `texts`, each given as its terms."""
        numbers: dict[str, int] = {}
        which, counts, sizes, long = array("i"), array("i"), array("i"), array("i")
        for words in texts:
            found = Counter(words)
            sizes.append(len(found))
            long.append(len(words))
            which.extend([numbers.setdefault(term, len(numbers)) for term in found])
            counts.extend(found.values())
        count = len(sizes)
        of_term = np.array(which, np.int32)  # (postings,)
        of_row = np.repeat(np.arange(count, dtype=np.int32), np.array(sizes, np.int32))
        times = np.array(counts, np.float32)
        lengths = np.array(long, np.float32)
        average = max(float(lengths.mean()), 1.0) if count else 1.0
        weights = times * (K1 + 1) / (times + K1 * (1 - B + B * lengths[of_row] / average))
        order = np.argsort(of_term, kind="stable")
        starts = np.zeros(len(numbers) + 1, np.int64)
        np.cumsum(np.bincount(of_term, minlength=len(numbers)), out=starts[1:])
        return cls(
            numbers,
            starts,
            of_row[order],
            weights[order].astype(np.float32),
            count=count,
        )

    def frequency(self, term: str) -> int:
        """In how many rows `term` stands."""
        number = self.terms.get(term)
        return 0 if number is None else int(self.starts[number + 1] - self.starts[number])

    def rows_with(self, term: str) -> NDArray[np.int32]:
        """The rows in which `term` stands, ascending."""
        number = self.terms.get(term)
        if number is None:
            return self.rows[:0]
        return self.rows[self.starts[number] : self.starts[number + 1]]

    def match(self, query: LexicalQuery) -> Matches:
        """The scores of all rows for `query`."""
        spans = sorted(
            (
                (int(self.starts[n]), int(self.starts[n + 1]), query.idf[term])
                for term in query.idf
                if (n := self.terms.get(term)) is not None
            ),
            key=lambda span: span[1] - span[0],
        )
        return Matches(self, spans, query.ceiling * (K1 + 1))


class Matches:
    """What one query matches in one index."""

    def __init__(
        self, index: LexicalIndex, spans: Sequence[tuple[int, int, float]], ceiling: float
    ) -> None:
        """Add up the rare terms.

        Args:
            index: where it is looked for.
            spans: postings from, to, and idf of each term, the rarest first.
            ceiling: what scores are divided by.
        """
        self._index = index
        self._ceiling = ceiling
        self._scores = np.zeros(index.count, np.float32)
        read, self._rest = 0, list(spans)
        found: list[NDArray[np.int32]] = []
        while self._rest and (not read or read + _size(self._rest[0]) <= POSTINGS):
            start, end, idf = self._rest.pop(0)
            rows = index.rows[start:end]
            self._scores[rows] += index.weights[start:end] * np.float32(idf)
            found.append(rows)
            read += end - start
        self._found = np.concatenate(found) if found else np.empty(0, np.int32)

    def top(self, mask: NDArray[np.bool_] | None, k: int) -> Rows:
        """Up to `k` allowed rows with the highest scores of the rare terms, in no order."""
        rows = self._found if mask is None else self._found[mask[self._found]]
        if len(rows) > 4 * k:  # a row stands here once for each of its terms
            scores = self._scores[rows]
            bound = np.partition(scores, len(rows) - 4 * k)[len(rows) - 4 * k]
            rows = rows[scores >= bound]
        once = distinct(rows.astype(np.int64))
        if len(once) > k:
            once = once[np.argpartition(-self._scores[once], k)[:k]]
        return once

    def of(self, rows: Rows) -> Floats:
        """The scores (len(rows),) of these rows, 0 to about 1; all terms count."""
        scores = self._scores[rows]
        for start, end, idf in self._rest:
            span = self._index.rows[start:end]
            place = np.minimum(np.searchsorted(span, rows), len(span) - 1)
            hit = span[place] == rows
            scores[hit] += self._index.weights[start:end][place[hit]] * np.float32(idf)
        return (scores / np.float32(self._ceiling)).astype(np.float32)


def _size(span: tuple[int, int, float]) -> int:
    return span[1] - span[0]


def prepare(text: str, indexes: Sequence[LexicalIndex]) -> LexicalQuery:
    """`text` as a query to `indexes`, which together are the collection."""
    count = max(sum(index.count for index in indexes), 1)
    highest = _idf(0, count)
    words = list(dict.fromkeys(tokens.terms(text)))[:MAX_QUERY_TERMS]
    idf = {word: _idf(sum(index.frequency(word) for index in indexes), count) for word in words}
    return LexicalQuery(
        idf=idf,
        ceiling=sum(idf.values()) or 1.0,
        codes={w: idf[w] / highest for w in words if w.startswith(tokens.CODE)},
    )


def _idf(frequency: int, count: int) -> float:
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))

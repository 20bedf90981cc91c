"""The evidence that some answers fit a query, computed for all their texts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrieval.candidate import Candidate, Query
from retrieval.lexical import LexicalQuery, Matches
from retrieval.segment import Block, Segment

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A query in all the forms that are searched with."""

    query: Query
    vector: Floats
    """(dim,) whitened, unit length."""
    expert: Floats | None
    """(dim,) from the encoder of the query's language, if it has one."""
    words: LexicalQuery


class Evidence:
    """The evidence for the entries of a block."""

    def __init__(self, segment: Segment, asked: Asked, block: Block, matches: Matches) -> None:
        """Compute it.

        Args:
            segment: where the entries are.
            asked: what is looked for.
            block: the entries.
            matches: what the words of the query match in the segment.
        """
        self._segment, self._asked, self.block = segment, asked, block
        words = matches.of(block.rows)  # (rows,)
        self._cosines = np.zeros(len(block.rows), np.float32)
        if len(asked.vector) == segment.vectors.shape[1]:  # else only words are asked for
            self._cosines = self._compared(segment.vectors, asked.vector)
        self.parts: dict[str, Floats] = {
            "question": self._best_phrasing(self._cosines),
            "answer": self._cosines[block.last],
            "centre": self._centre_cosines(),
            "words": self._best_phrasing(words),
            "answer_words": words[block.last],
            **self._of_expert(),
            **self._of_codes(),
        }

    def _compared(self, vectors: NDArray[np.floating], vector: Floats) -> Floats:
        """(rows,) the inner products of the block's rows of `vectors` with `vector`.

        Not by matrix multiplication, which would wake the threads of BLAS for so little.
        """
        rows = self.block.rows
        some = vectors if len(rows) == len(vectors) else vectors[rows]
        found: Floats = np.vecdot(some.astype(np.float32, copy=False), vector)
        return found

    def _best_phrasing(self, values: Floats) -> Floats:
        """(variants,) the largest of `values` (rows,) among the phrasings of each."""
        asked = values.copy()
        asked[self.block.last] = -np.inf
        return np.maximum.reduceat(asked, self.block.starts)

    def _centre_cosines(self) -> Floats:
        """(variants,) cosine to the centre of the phrasings of each variant's entry."""
        block = self.block
        asked = self._cosines.copy()
        asked[block.last] = 0
        sums = np.add.reduceat(asked, block.starts[block.firsts])  # (entries,)
        counts = np.add.reduceat(block.phrasings, block.firsts)
        found = sums / counts / self._segment.shape.centre_length[block.entries]
        return np.repeat(found, block.counts).astype(np.float32)

    def _of_expert(self) -> dict[str, Floats]:
        """What the second encoder says; of other languages it knows nothing, and is neutral."""
        expert = self._segment.expert
        if expert is None or self._asked.expert is None:
            return {}
        cosines = self._compared(expert, self._asked.expert)
        unknown = cosines == 0
        many = len(cosines) - np.count_nonzero(unknown)
        cosines[unknown] = cosines.sum() / many if many else 0.0
        return {"expert": self._best_phrasing(cosines), "expert_answer": cosines[self.block.last]}

    def _of_codes(self) -> dict[str, Floats]:
        """How much of the codes that the query names each variant names, by their rarity."""
        codes = self._asked.words.codes
        if not codes:
            return {}
        sums = np.zeros(len(self.block.variants), np.float32)
        for code, idf in codes.items():
            naming = self._segment.naming(code)
            if len(naming):
                place = np.minimum(np.searchsorted(naming, self.block.variants), len(naming) - 1)
                sums[naming[place] == self.block.variants] += idf
        return {"code": sums}

    def candidate(self, place: int, score: float) -> Candidate:
        """The variant number `place` of `variants` as a candidate."""
        answer = self._segment.answers[int(self.block.variants[place])]
        nearest = int(self._cosines[self.block.starts[place] : self.block.last[place]].argmax())
        parts = {name: float(values[place]) for name, values in self.parts.items()}
        return Candidate(
            answer=answer,
            score=score,
            cosine=parts["question"],
            matched=answer.questions[nearest],
            parts=parts,
        )

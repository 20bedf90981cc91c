"""How good an extractor is: pure counts, and a cross-validation of the trained one."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from classifier import near_duplicates
from classifier.entities import trained
from classifier.entities.entity import AnnotatedText, Entity
from classifier.entities.reading import EntityData

Piece = tuple[str, str | None, str | None, int, int]
"""Entity, role, group, start, end: right is only what is right in all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Pieces of one entity."""

    right: int = 0
    wrong: int = 0
    """Found, but not there, or not so."""
    missed: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right, 0 to 1; 1 where nothing was found."""
        found = self.right + self.wrong
        return self.right / found if found else 1.0

    @property
    def recall(self) -> float:
        """Share of what is there that was found, 0 to 1; 1 where nothing is there."""
        there = self.right + self.missed
        return self.right / there if there else 1.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both, 0 to 1."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def count(
    pairs: Iterable[tuple[Sequence[Entity], Sequence[Entity]]],
) -> dict[str, Count]:
    """By entity, how (marked, found) compare over all texts."""
    tally: Counter[tuple[str, str]] = Counter()
    for marked, found in pairs:
        there, here = set(map(_piece, marked)), set(map(_piece, found))
        for name, pieces in (("right", there & here), ("wrong", here - there)):
            tally.update((piece[0], name) for piece in pieces)
        tally.update((piece[0], "missed") for piece in there - here)
    return {
        entity: Count(**{name: tally[entity, name] for name in ("right", "wrong", "missed")})
        for entity in sorted({entity for entity, _ in tally})
    }


def cross_validate(data: EntityData, *, folds: int = 5, seed: int = 13) -> dict[str, Count]:
    """By entity, how the trained extractor does on texts that it was not taught.

    Near-duplicates are never on both sides. Takes `folds` trainings.

    Raises:
        errors.DatasetError: the examples of a training have no mark.
    """
    return count(_unseen(data, folds, seed))


def _unseen(
    data: EntityData, folds: int, seed: int
) -> Iterator[tuple[Sequence[Entity], Sequence[Entity]]]:
    groups = near_duplicates.groups([example.text for example in data.examples])
    order = np.random.default_rng(seed).permutation(groups.max() + 1)
    fold_of = (order % folds)[groups]
    for fold in range(folds):
        learned = [e for e, own in zip(data.examples, fold_of, strict=True) if own != fold]
        asked = [e for e, own in zip(data.examples, fold_of, strict=True) if own == fold]
        with tempfile.TemporaryDirectory() as folder:
            yield from _asked(replace(data, examples=tuple(learned)), asked, Path(folder))


def _asked(
    learned: EntityData, asked: Iterable[AnnotatedText], folder: Path
) -> Iterator[tuple[Sequence[Entity], Sequence[Entity]]]:
    trained.train(learned, folder / "model")
    extractor = trained.load(folder / "model")
    for example in asked:
        yield example.entities, extractor.extract(example.text)


def _piece(entity: Entity) -> Piece:
    return entity.entity, entity.role, entity.group, entity.start, entity.end

"""From a text to its entities: one step after the other, in the order of the project's config.yml.

A step adds entities, or replaces the values of those found so far by synonyms.
"""

from __future__ import annotations

from typing import Protocol

from classifier.entities.entity import Entity
from classifier.entities.patterns import Synonyms


class Extractor(Protocol):
    """Finds entities of some kinds; does not touch the text."""

    def extract(self, text: str) -> tuple[Entity, ...]:
        """What is in `text`; positions count its characters."""


Step = Extractor | Synonyms


class EntityExtractor:
    """All steps of a project as one; safe to call from one thread at a time."""

    def __init__(self, *steps: Step) -> None:
        """Go through `steps` in their order."""
        self._steps = steps

    def extract(self, text: str) -> tuple[Entity, ...]:
        """The entities in `text`, those of the first step first."""
        found: tuple[Entity, ...] = ()
        for step in self._steps:
            found = step.apply(found) if isinstance(step, Synonyms) else found + step.extract(text)
        return found

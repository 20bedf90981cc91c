"""From a text to its entities: extractors one after the other, then synonyms.

The order is that of config.yml in a Rasa project; without one: trained, patterns, ready ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from classifier.entities.entity import Entity
from classifier.entities.patterns import Synonyms


class Extractor(Protocol):
    """Finds entities of some kinds; does not touch the text."""

    def extract(self, text: str) -> tuple[Entity, ...]:
        """What is in `text`; positions count its characters."""


class EntityExtractor:
    """All extractors of a project as one."""

    def __init__(self, extractors: Sequence[Extractor], synonyms: Synonyms | None = None) -> None:
        """Ask `extractors` in their order, then replace values by `synonyms`."""
        self._extractors = tuple(extractors)
        self._synonyms = synonyms

    def extract(self, text: str) -> tuple[Entity, ...]:
        """The entities in `text`, those of the first extractor first."""
        found = tuple(e for extractor in self._extractors for e in extractor.extract(text))
        return self._synonyms.apply(found) if self._synonyms else found

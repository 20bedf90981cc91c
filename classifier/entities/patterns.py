"""Entities by regexes and lookup tables, and synonyms for their values, as Rasa 3.6 does it.

Only those regexes and tables extract that are named like an entity marked in some example; the
others merely help the classifier in Rasa. Several may find the same piece; all of it is kept.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from classifier.entities.entity import Entity
from classifier.entities.reading import EntityData

REGEX = "RegexEntityExtractor"
SYNONYMS = "EntitySynonymMapper"


class PatternExtractor:
    """Finds what regexes and lookup tables describe."""

    def __init__(
        self,
        data: EntityData,
        *,
        case_sensitive: bool = False,
        use_lookup_tables: bool = True,
        use_regexes: bool = True,
        use_word_boundaries: bool = True,
        only_entities: bool = True,
    ) -> None:
        """Compile what `data` describes.

        The switches are those of Rasa's config.yml; without `only_entities` patterns of any name
        extract, as features of the trained extractor.
        """
        flags = re.NOFLAG if case_sensitive else re.IGNORECASE
        found = [(item.name, item.text) for item in data.regexes if use_regexes]
        if use_lookup_tables:
            found += _tables(data, r"\b" if use_word_boundaries else "")
        self._patterns = [
            (name, re.compile(pattern, flags))
            for name, pattern in found
            if name in data.names or not only_entities
        ]

    def extract(self, text: str) -> tuple[Entity, ...]:
        """Every match of every pattern, in the order of the patterns."""
        return tuple(
            Entity(
                entity=name,
                value=match[0],
                start=match.start(),
                end=match.end(),
                extractor=REGEX,
            )
            for name, pattern in self._patterns
            for match in pattern.finditer(text)
        )


def _tables(data: EntityData, edge: str) -> list[tuple[str, str]]:
    tables: dict[str, list[str]] = defaultdict(list)
    for item in data.lookups:
        tables[item.name].append(f"{edge}{re.escape(item.text)}{edge}")
    return [(name, f"({'|'.join(items)})") for name, items in tables.items()]


class Synonyms:
    """Replaces values by what they stand for; letters' case does not matter."""

    def __init__(self, data: EntityData) -> None:
        """Learn the synonyms, and of the marked examples both their values and their spelling."""
        marked = [
            (example.text[e.start : e.end], str(e.value))
            for example in data.examples
            for e in example.entities
        ]
        said = {item.text: item.name for item in data.synonyms}
        said |= {text: value for text, value in marked if text != value}
        self._values: dict[str, str] = {}
        for text, value in [*said.items(), *marked]:
            self._add(text, value)

    def _add(self, text: str, value: str) -> None:
        if text != value:
            self._values[text.lower()] = value
        self._values.setdefault(value.lower(), value)  # "BERLIN" is "Berlin" too

    def apply(self, entities: Sequence[Entity]) -> tuple[Entity, ...]:
        """The `entities` with their values replaced where there is a synonym."""
        return tuple(map(self._replaced, entities))

    def _replaced(self, entity: Entity) -> Entity:
        value = self._values.get(str(entity.value).lower())
        if value is None:
            return entity
        return replace(entity, value=value, processors=(*entity.processors, SYNONYMS))

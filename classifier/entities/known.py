"""Values that examples mark: recognised again in other sentences, and when nothing else is said.

With tens of marked examples a sentence teaches little of its words beyond itself. So the values
that were marked are features (`Known.around`), and marked sentences are varied with each other's
values before training (`varied`).
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from classifier.entities import tokens
from classifier.entities.entity import AnnotatedText, Entity
from classifier.entities.labels import Kind
from classifier.entities.tokens import Token

LONGEST = 12
"""Tokens of a value; longer ones are sentences rather than names."""
SEED = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A marked value."""

    kind: Kind
    """Entity; role and group where they are always the same."""
    alone: bool
    """Whether a message that consists of it may be taken for it: no example says otherwise."""


class Known:
    """Marked values, each of one entity only."""

    def __init__(self, values: Mapping[str, Value]) -> None:
        """Know `values` by their `key`."""
        self.values = dict(values)
        self._longest = max((key.count(" ") + 1 for key in self.values), default=0)

    def around(
        self, pieces: Sequence[Token], without: frozenset[str] = frozenset()
    ) -> list[list[str]]:
        """Features of each token: that it begins or goes on a known value, of which entity.

        Args:
            pieces: the tokens of one text.
            without: keys of values that count as not known.
        """
        words = [piece.text.lower() for piece in pieces]
        found: list[list[str]] = [[] for _ in words]
        for length in range(1, min(self._longest, len(words)) + 1):
            for start in range(len(words) - length + 1):
                key = " ".join(words[start : start + length])
                value = self.values.get(key)
                if value is None or key in without:
                    continue
                for place in range(length):
                    found[start + place].append(f"l:{'I' if place else 'B'}:{value.kind[0]}")
        return found

    def alone(self, pieces: Sequence[Token]) -> tuple[Kind, int, int] | None:
        """Kind, first and one past the last token if the text is nothing but a known value."""
        end = len(pieces)
        while end and not pieces[end - 1].text.isalnum():
            end -= 1
        value = self.values.get(_key(pieces[:end]))
        return (value.kind, 0, end) if value is not None and value.alone else None


def learned(examples: Iterable[AnnotatedText]) -> Known:
    """What `examples` mark, but for values of several entities."""
    kinds: defaultdict[str, set[Kind]] = defaultdict(set)
    plain: set[str] = set()
    for example in examples:
        if not example.entities:
            plain.add(key(example.text))
        for entity in example.entities:
            kinds[key(marked(example, entity))].add((entity.entity, entity.role, entity.group))
    return Known(
        {
            name: Value(kind=_common(found), alone=name not in plain)
            for name, found in kinds.items()
            if name and name.count(" ") < LONGEST and len({kind[0] for kind in found}) == 1
        }
    )


def varied(examples: Sequence[AnnotatedText], times: int) -> Iterator[AnnotatedText]:
    """The marked examples again, `times` each, with values that others mark; always the same."""
    chance = random.Random(SEED)  # noqa: S311 - no secret
    pool: defaultdict[Kind, set[str]] = defaultdict(set)
    for example in examples:
        for entity in example.entities:
            pool[_kind(entity)].add(marked(example, entity))
    choices = {kind: sorted(values) for kind, values in pool.items()}
    for example in examples:
        for _ in range(times if example.entities else 0):
            yield _with_others(example, choices, chance)


def key(text: str) -> str:
    """Values that are written alike have the same."""
    return _key(tokens.split(text))


def marked(example: AnnotatedText, entity: Entity) -> str:
    """The words that are marked."""
    return example.text[entity.start : entity.end]


def _with_others(
    example: AnnotatedText, choices: Mapping[Kind, Sequence[str]], chance: random.Random
) -> AnnotatedText:
    text, done = "", 0
    entities: list[Entity] = []
    for entity in sorted(example.entities, key=lambda one: one.start):
        if entity.start < done:
            continue  # overlaps the one before
        text += example.text[done : entity.start]
        value = chance.choice(choices[_kind(entity)])
        entities.append(replace(entity, value=value, start=len(text), end=len(text) + len(value)))
        text, done = text + value, entity.end
    return AnnotatedText(text=text + example.text[done:], entities=tuple(entities))


def _kind(entity: Entity) -> Kind:
    return entity.entity, entity.role, entity.group


def _common(kinds: set[Kind]) -> Kind:
    """What all of them have in common."""
    first = min(kinds, key=str)
    return first if len(kinds) == 1 else (first[0], None, None)


def _key(pieces: Sequence[Token]) -> str:
    return " ".join(piece.text.lower() for piece in pieces)

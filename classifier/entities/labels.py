"""Entities ↔ one label per token: B- at the first token of an entity, I- at the next, O outside.

A label carries entity, role and group, so that one sequence says all three.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from classifier.entities.entity import Entity
from classifier.entities.tokens import Token

OUTSIDE = "O"
Kind = tuple[str, str | None, str | None]
"""Entity, role, group."""


def of_entities(tokens: Sequence[Token], entities: Sequence[Entity]) -> list[str]:
    """The labels of `tokens`, (len(tokens),); of entities that overlap the first counts."""
    found = [OUTSIDE] * len(tokens)
    for entity in entities:
        inside = [i for i, t in enumerate(tokens) if t.start < entity.end and entity.start < t.end]
        if any(found[i] != OUTSIDE for i in inside):
            continue
        kind = json.dumps([entity.entity, entity.role, entity.group], ensure_ascii=False)
        for place, index in enumerate(inside):
            found[index] = f"{'I' if place else 'B'}-{kind}"
    return found


def spans(labels: Sequence[str]) -> Iterator[tuple[Kind, int, int]]:
    """Kind, first token and one past the last token of each entity that `labels` describe."""
    start = 0
    for end in range(1, len(labels) + 1):
        inside = end < len(labels) and labels[end] == f"I{labels[start][1:]}"
        if inside and labels[start] != OUTSIDE:
            continue
        if labels[start] != OUTSIDE:
            entity, role, group = json.loads(labels[start][2:])
            yield (entity, role, group), start, end
        start = end

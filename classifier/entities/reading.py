"""What the NLU files say of entities: marked examples, regexes, lookup tables, synonyms."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from classifier import errors, rasa_yaml
from classifier.entities import annotation
from classifier.entities.entity import AnnotatedText


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A line under a `regex`, `lookup` or `synonym`."""

    name: str
    """The entity; of a synonym the value that replaces the text."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EntityData:
    """All that is known of entities before anything is trained."""

    examples: tuple[AnnotatedText, ...] = ()
    """Every example of every intent, with or without marks: a text without is a lesson too."""
    regexes: tuple[Named, ...] = ()
    lookups: tuple[Named, ...] = ()
    synonyms: tuple[Named, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The entities that are marked in examples."""
        return frozenset(e.entity for example in self.examples for e in example.entities)


@dataclass(slots=True)
class _Found:
    examples: list[AnnotatedText] = field(default_factory=list)
    named: dict[str, list[Named]] = field(
        default_factory=lambda: {"regex": [], "lookup": [], "synonym": []}
    )


def read(
    paths: Iterable[Path], *, root: Path, skipped: rasa_yaml.Skipped | None = None
) -> EntityData:
    """What the NLU files in `paths` say of entities; names in errors are relative to `root`.

    Raises:
        errors.DatasetError: a mark, a regex or an entry that cannot be read, with file and line.
            Lines without "- " and entries that are empty or of an unknown kind go into `skipped`
            instead, if it is given.
    """
    found = _Found()
    for path in paths:
        name = os.path.relpath(path, root)
        for entry in rasa_yaml.entries(rasa_yaml.load(path, name=name), name):
            _take(entry, name, found, skipped)
    return EntityData(
        examples=tuple(found.examples),
        regexes=tuple(found.named["regex"]),
        lookups=tuple(found.named["lookup"]),
        synonyms=tuple(found.named["synonym"]),
    )


def _take(entry: CommentedMap, name: str, found: _Found, skipped: rasa_yaml.Skipped | None) -> None:
    if "intent" in entry:
        for marked, line in rasa_yaml.marked(entry, name, skipped):
            found.examples.append(_annotated(marked, name, line))
        return
    kind = next((key for key in found.named if key in entry), None)
    if kind is None:
        unknown = errors.DatasetError(
            f"an entry with the keys {', '.join(map(str, entry))}.",
            path=name,
            line=rasa_yaml.line_of(entry),
            hint="NLU entries start with intent, synonym, regex or lookup.",
        )
        rasa_yaml.refuse(unknown, skipped)
        return
    for text, line in _rows(entry, kind, name, skipped):
        if kind == "regex":
            _check_regex(text, str(entry[kind]), name, line)
        found.named[kind].append(Named(name=str(entry[kind]), text=text))


def _annotated(marked: str, name: str, line: int) -> AnnotatedText:
    try:
        return annotation.read(marked)
    except errors.DatasetError as cause:
        message = str(cause).removesuffix(cause.hint).strip()
        raise errors.DatasetError(message, path=name, line=line, hint=cause.hint) from cause


def _rows(
    entry: CommentedMap, kind: str, name: str, skipped: rasa_yaml.Skipped | None
) -> Iterator[tuple[str, int]]:
    block: Any = entry.get("examples")
    if not entry[kind] or not isinstance(block, str | list):
        empty = errors.DatasetError(
            f"{kind} {entry[kind]!r} has no examples.",
            path=name,
            line=rasa_yaml.line_of(entry),
            hint="Write `examples: |` and below it lines that start with `- `.",
        )
        rasa_yaml.refuse(empty, skipped)
        return
    first = rasa_yaml.line_of(entry, "examples")
    if isinstance(block, str):
        found = rasa_yaml.rows(block, f"{kind} {entry[kind]!r}", name, first, skipped)
    else:
        found = ((str(row).strip(), first + offset) for offset, row in enumerate(block, start=1))
    yield from ((text, line) for text, line in found if text)


def _check_regex(pattern: str, entity: str, name: str, line: int) -> None:
    try:
        re.compile(pattern)
    except re.error as cause:
        raise errors.DatasetError(
            f"regex {entity!r}: {pattern!r} is no regular expression: {cause}.",
            path=name,
            line=line,
            hint="See https://docs.python.org/3/library/re.html.",
        ) from cause

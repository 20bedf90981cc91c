"""Rasa's marks in examples: `[text](entity)` and `[text]{"entity": ..., "role": ...}` (6.2).

`[text](entity:value)` and several at once, `[text][{...}, {...}]`, are read too, as Rasa does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from classifier import errors
from classifier.entities.entity import AnnotatedText, Entity

_MARK = re.compile(
    r"\[(?P<text>[^\]]+)\]"
    r"(?:\((?P<entity>[^:)]+)(?::(?P<value>[^)]+))?\)|(?P<one>\{[^}]+\})|\[(?P<many>\{.*?\})\])"
)
_OBJECT = re.compile(r"\{[^}]+\}")
_KEYS = ("entity", "role", "group", "value")
_HINT = 'Write [text](entity) or [text]{"entity": "...", "role": "...", "value": "..."}.'


def plain(marked: str) -> str:
    """The text of an example without its marks."""
    return _MARK.sub(lambda mark: mark["text"], marked).strip()


def read(marked: str) -> AnnotatedText:
    """The text of an example and the entities marked in it.

    Raises:
        errors.DatasetError: the braces of a mark hold no JSON object that names an entity.
    """
    text = ""
    found: list[Entity] = []
    done = 0
    marked = marked.strip()
    for mark in _MARK.finditer(marked):
        text += marked[done : mark.start()]
        start, done = len(text), mark.end()
        text += mark["text"]
        for fields in _fields(mark):
            found.append(_entity(fields, mark["text"], start))
    return AnnotatedText(text=text + marked[done:], entities=tuple(found))


def _fields(mark: re.Match[str]) -> Iterator[dict[str, Any]]:
    if mark["entity"]:
        yield {"entity": mark["entity"]} | ({"value": mark["value"]} if mark["value"] else {})
    else:
        for found in _OBJECT.finditer(mark["one"] or mark["many"]):
            yield _checked(found[0])


def _checked(braces: str) -> dict[str, Any]:
    try:
        fields = json.loads(braces)
    except ValueError as cause:
        raise errors.DatasetError(
            f"the mark {braces!r} is no JSON: {cause}.", hint=_HINT
        ) from cause
    if not isinstance(fields, dict) or not isinstance(fields.get("entity"), str):
        raise errors.DatasetError(f"the mark {braces!r} names no entity.", hint=_HINT)
    strange = sorted(set(fields) - set(_KEYS))
    if strange:
        raise errors.DatasetError(
            f"the mark {braces!r} has the unknown key {strange[0]!r}.", hint=_HINT
        )
    return fields


def _entity(fields: dict[str, Any], text: str, start: int) -> Entity:
    role, group = fields.get("role"), fields.get("group")
    return Entity(
        entity=fields["entity"],
        value=fields.get("value", text),
        start=start,
        end=start + len(text),
        role=None if role is None else str(role),
        group=None if group is None else str(group),
    )

"""Reads Rasa 3.1 YAML with line numbers, and the labelled texts of its NLU files."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarstring import ScalarString

from classifier import errors
from classifier.dataset import LabelledText, plain_text

FILES_KEPT = 128  # several readers look at the same files, and an edit touches one of many
MAX_BYTES = 20_000_000  # a larger file is no text that a person wrote


def load(path: Path, *, name: str) -> CommentedMap:
    """The top-level mapping of a YAML file; `name` stands for it in errors.

    Raises:
        errors.DatasetError: unreadable, not UTF-8, not YAML, or no mapping; with the line.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise errors.DatasetError(
                f"larger than {MAX_BYTES} bytes.", path=name, hint="Split the file."
            )
        about = path.stat()
        data = _parsed(path, (about.st_mtime_ns, about.st_size, about.st_ino))
    except UnicodeDecodeError as cause:
        raise errors.DatasetError(
            f"not UTF-8 at byte {cause.start}.", path=name, hint="Save the file as UTF-8."
        ) from cause
    except OSError as cause:
        raise errors.DatasetError(f"cannot be read: {cause.strerror}.", path=name) from cause
    except MarkedYAMLError as cause:
        mark = cause.problem_mark or cause.context_mark
        if "end of stream" in str(cause.problem):  # a quote is open: say where, not at the end
            mark = cause.context_mark or mark
        raise errors.DatasetError(
            f"not YAML: {cause.problem}.",
            path=name,
            line=mark.line + 1 if mark else 0,
            hint="Check the indentation and the quotes around here.",
        ) from cause
    except YAMLError as cause:
        raise errors.DatasetError(f"not YAML: {cause}.", path=name) from cause
    if data is None:
        return CommentedMap()
    if not isinstance(data, CommentedMap):
        raise errors.DatasetError(
            "no keys at the top.", path=name, line=1, hint='Start with `version: "3.1"`.'
        )
    return data


@functools.lru_cache(maxsize=FILES_KEPT)
def _parsed(path: Path, _stamp: tuple[int, ...]) -> Any:
    """What stands in the file; parsed again only when the stamp is another. Not to be changed."""
    return YAML(typ="rt").load(path.read_text(encoding="utf-8-sig"))


def line_of(node: Any, key: Any = None) -> int:
    """1-based line of a mapping or list, or of one of its entries; 0 when unknown."""
    if not isinstance(node, CommentedMap | CommentedSeq):
        return 0
    if key is None:
        return int(node.lc.line) + 1
    try:
        place = node.lc.key(key) if isinstance(node, CommentedMap) else node.lc.item(key)
    except KeyError:
        place = None
    return int(node.lc.line if place is None else place[0]) + 1  # None: in a tagged list


Skipped = list[errors.DatasetError]
"""What Rasa would pass over with a warning; where such a list is given, so do we."""


def read_nlu(
    paths: Iterable[Path], *, root: Path, skipped: Skipped | None = None
) -> tuple[LabelledText, ...]:
    """The examples of all intents in `paths`, entity marks removed; names are relative to `root`.

    Raises:
        errors.DatasetError: the first entry that is no Rasa NLU, with file and line. Lines
            without "- " and intents without examples go into `skipped` instead, if it is given.
    """
    found: list[LabelledText] = []
    for path in paths:
        name = os.path.relpath(path, root)
        for entry in entries(load(path, name=name), name):
            if "intent" in entry:  # synonym, regex, lookup: see classifier.entities.reading
                found += [
                    LabelledText(
                        text=plain_text(text), intent=entry["intent"], path=name, line=line
                    )
                    for text, line in marked(entry, name, skipped)
                ]
    return tuple(found)


def entries(data: CommentedMap, name: str) -> Iterator[CommentedMap]:
    """The entries below `nlu`.

    Raises:
        errors.DatasetError: `nlu` is no list, or an entry is no mapping.
    """
    found = data.get("nlu") or CommentedSeq()
    if not isinstance(found, CommentedSeq):
        raise errors.DatasetError(
            "`nlu` is no list.",
            path=name,
            line=line_of(data, "nlu"),
            hint="Write `nlu:` and below it `- intent: ...`.",
        )
    for place, entry in enumerate(found):
        if not isinstance(entry, CommentedMap):
            raise errors.DatasetError(
                f"{entry!r} is no NLU entry.",
                path=name,
                line=line_of(found, place),
                hint="Write `- intent: ...`.",
            )
        yield entry


def refuse(error: errors.DatasetError, skipped: Skipped | None) -> None:
    """Raise `error`, or keep it in `skipped` if that is given."""
    if skipped is None:
        raise error
    skipped.append(error)


def marked(
    entry: CommentedMap, name: str, skipped: Skipped | None = None
) -> Iterator[tuple[str, int]]:
    """The examples of an intent as they are written, marks included, with their lines.

    Raises:
        errors.DatasetError: the intent has no name, or no examples that can be read; the latter
            goes into `skipped` instead, if it is given.
    """
    intent, block = entry["intent"], entry.get("examples")
    line = line_of(entry)
    if not isinstance(intent, str) or not intent:
        raise errors.DatasetError(
            f"intent {intent!r} is no name.", path=name, line=line, hint="Quote it."
        )
    first = line_of(entry, "examples")
    if isinstance(block, str):
        yield from rows(block, f"intent {intent!r}", name, first, skipped)
    elif isinstance(block, CommentedSeq):
        yield from _list(block, intent, name)
    else:
        none = errors.DatasetError(
            f"intent {intent!r} has no examples.",
            path=name,
            line=first or line,
            hint="Write `examples: |` and below it lines that start with `- `.",
        )
        refuse(none, skipped)


def rows(
    block: str, whose: str, name: str, first: int, skipped: Skipped | None
) -> Iterator[tuple[str, int]]:
    """The lines of an `examples: |` block that starts at line `first`, without their dashes.

    Raises:
        errors.DatasetError: a line without a dash; it goes into `skipped` instead, if given.
    """
    below = 1 if isinstance(block, ScalarString) else 0  # not `examples: words`, on one line
    for offset, row in enumerate(block.splitlines(), start=below):
        text = row.strip()
        if text.startswith("-"):
            yield text[1:].lstrip(), first + offset
        elif text:
            no_dash = errors.DatasetError(
                f"example {text!r} of {whose} does not start with '- '.",
                path=name,
                line=first + offset,
                hint="Start each example with '- '.",
            )
            refuse(no_dash, skipped)


def _list(block: CommentedSeq, intent: str, name: str) -> Iterator[tuple[str, int]]:
    for place, item in enumerate(block):
        line = line_of(block, place)
        text = item.get("text") if isinstance(item, CommentedMap) else item
        if not isinstance(text, str):
            raise errors.DatasetError(
                f"example {item!r} of intent {intent!r} has no text.",
                path=name,
                line=line,
                hint="Write `- text: ...`.",
            )
        for row in text.strip().splitlines():
            yield row.removeprefix("- "), line

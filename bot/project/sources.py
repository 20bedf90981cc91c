"""The YAML files of a Rasa project, with their lines."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.scalarbool import ScalarBoolean

from bot.project.findings import Findings
from classifier import errors as classifier_errors
from classifier import rasa_yaml

NEWEST = (3, 1)
"""The format version that is read; a file of a later one is refused."""
SUFFIXES = (".yml", ".yaml")
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file."""

    path: Path
    name: str
    """Relative to the project folder."""
    data: CommentedMap
    is_imported: bool = False
    """Whether it is of another project, which config.yml imports."""

    def line(self, node: Any, key: Any = None) -> int:
        """1-based line of a mapping, a list or one of its entries; 0 when unknown."""
        return rasa_yaml.line_of(node, key)


def load(path: Path, root: Path, findings: Findings) -> Source | None:
    """A file of the project; None, and an error in `findings`, when it cannot be read."""
    name = os.path.relpath(path, root)  # what is imported may lie outside
    try:
        data = rasa_yaml.load(path, name=name)
    except classifier_errors.DatasetError as cause:
        message = str(cause).removesuffix(cause.hint).strip()
        prefix = f"{cause.path}:{cause.line}: " if cause.line else f"{cause.path}: "
        findings.wrong(message.removeprefix(prefix), name, cause.line, cause.hint)
        return None
    source = Source(path=path, name=name, data=data)
    return source if _is_of_our_time(source, findings) else None


def below(folder: Path) -> Iterator[Path]:
    """All YAML files in and below `folder`, in a fixed order; `folder` may be a file.

    Hidden files and folders (editors' copies) are passed over, as in Rasa.
    """
    if folder.is_file():
        yield folder
    elif folder.is_dir():
        found = (path for path in folder.rglob("*") if path.suffix in SUFFIXES)
        yield from sorted(p for p in found if p.is_file() and not is_hidden(p, folder))


def is_hidden(path: Path, folder: Path) -> bool:
    """Whether `path`, or a folder between it and `folder`, has a name that starts with a dot."""
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def plain(node: Any) -> Any:
    """What the YAML says, as plain JSON values."""
    if isinstance(node, Mapping):
        return {_key(key): plain(value) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [plain(value) for value in node]
    if isinstance(node, ScalarBoolean):
        return bool(node)
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return None if node is None else str(node)


def _key(key: Any) -> Any:
    return str(key) if isinstance(key, str) else key


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """`value` with `${NAME}` replaced from `variables`, as Rasa does in its endpoint files."""
    if isinstance(value, str):
        return _VARIABLE.sub(lambda m: variables.get(m[1] or m[2], m[0]), value)
    if isinstance(value, dict):
        return {key: filled(one, variables) for key, one in value.items()}
    if isinstance(value, list):
        return [filled(one, variables) for one in value]
    return value


def _is_of_our_time(source: Source, findings: Findings) -> bool:
    version = source.data.get("version")
    if version is None:
        return True
    try:
        numbers = tuple(int(part) for part in str(version).split("."))
    except ValueError:
        numbers = (NEWEST[0] + 1,)
    if numbers > NEWEST:
        findings.wrong(
            f"format version {version!r} is newer than 3.1.",
            source.name,
            source.line(source.data, "version"),
            'Write `version: "3.1"` if the file needs nothing newer.',
        )
        return False
    return True

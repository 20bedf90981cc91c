"""JSON lines: one object a line, with the columns as keys; `questions` may be a list."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from retrieval import errors
from retrieval.readers.rows import COLUMNS, RawRow

ALSO = {"question": "questions", "text": "answer", "language": "lang"}


def read(path: Path, name: str) -> Iterator[RawRow | errors.CorpusError]:
    """The rows of `path`; a broken line gives an error in its place."""
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            if raw.strip():
                yield _row(raw, number, name)


def _row(raw: bytes, number: int, name: str) -> RawRow | errors.CorpusError:
    place = f"line {number}"
    try:
        found: Any = json.loads(raw.decode("utf-8-sig"))
        pairs = {ALSO.get(key, key): value for key, value in found.items()}
    except (ValueError, AttributeError) as cause:
        return errors.CorpusError(
            f"{place}: no JSON object in UTF-8: {cause}.",
            path=name,
            line=number,
            hint='Write {"questions": ["..."], "answer": "..."} in one line.',
        )
    unknown = [key for key in pairs if key not in COLUMNS]
    if unknown:
        return errors.CorpusError(
            f"{place}: unknown key {unknown[0]!r}.",
            path=name,
            line=number,
            hint=f"Known are {', '.join(COLUMNS)}.",
        )
    return RawRow(place=place, line=number, cells={k: _cell(v) for k, v in pairs.items()})


def _cell(value: Any) -> str:  # noqa: ANN401 - JSON may hold anything
    if isinstance(value, list):
        return " | ".join(str(item) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)

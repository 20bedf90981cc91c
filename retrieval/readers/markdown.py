"""Markdown: each heading is a question, what stands below it up to the next heading its answer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from retrieval import errors
from retrieval.readers.rows import RawRow

HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$")
FENCE = re.compile(r"^ {0,3}(```|~~~)")


def read(path: Path, name: str) -> Iterator[RawRow | errors.CorpusError]:
    """The headings of `path` that have text below them; a title alone is no question."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as cause:
        yield errors.CorpusError(
            f"not UTF-8 at byte {cause.start}.", path=name, hint="Save the file as UTF-8."
        )
        return
    heading, began, below, fenced = "", 0, list[str](), False
    for number, line in enumerate([*lines, "# "], start=1):
        fenced ^= bool(FENCE.match(line))
        found = None if fenced else HEADING.match(line)
        if found is None and number <= len(lines):
            below.append(line)
            continue
        answer = "\n".join(below).strip()
        if heading and answer:
            cells = {"questions": heading.replace("|", "/"), "answer": answer}
            yield RawRow(place=f"line {began}", line=began, cells=cells)
        heading, began, below = found.group(1) if found else "", number, []

"""From a file or a BEIR folder to answers and a list of what is wrong with it."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retrieval import errors, evaluation
from retrieval.candidate import PastAnswer
from retrieval.readers import chats, jsonl, markdown, spreadsheet
from retrieval.readers.rows import COLUMNS, RawRow, answer_of

Reader = Callable[[Path, str], Iterator[RawRow | errors.CorpusError]]
MAX_FILE = 1 << 30  # bytes
MAX_CELL = 1 << 28  # characters of a cell that are read at all; the check of the row names it
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What a file holds."""

    answers: tuple[PastAnswer, ...]
    problems: tuple[errors.CorpusError, ...]
    """Rows that were left out, each with its place and remedy."""


def read(path: Path) -> Imported:
    """Read the file or folder at `path`, by the end of its name.

    Raises:
        errors.CorpusError: nothing is there, or nobody reads such files.
    """
    if path.is_dir():
        return Imported(answers=evaluation.read_corpus(path), problems=())
    reader = READERS.get(path.suffix.lower())
    if reader is None or not path.is_file() or path.stat().st_size > MAX_FILE:
        raise errors.CorpusError(
            "cannot be imported.",
            path=str(path),
            hint=f"Name a file of up to 1 GiB that ends in {', '.join(READERS)}, or a BEIR folder.",
        )
    answers: list[PastAnswer] = []
    problems: list[errors.CorpusError] = []
    places: dict[tuple[str, str], str] = {}
    for row in reader(path, path.name):
        if isinstance(row, errors.CorpusError):
            problems.append(row)
            continue
        try:
            answer = answer_of(row, path.name)
            _once(answer, row, places, path.name)
        except errors.CorpusError as problem:
            problems.append(problem)
        else:
            answers.append(answer)
    return Imported(answers=tuple(answers), problems=tuple(problems))


def _once(answer: PastAnswer, row: RawRow, places: dict[tuple[str, str], str], name: str) -> None:
    before = places.setdefault((answer.id, answer.lang), row.place)
    if before != row.place:
        raise errors.CorpusError(
            f"{row.place}, column 'id': {answer.id!r} in {answer.lang!r} stands at {before}.",
            path=name,
            line=row.line,
            hint="Give it another id or delete one of the two.",
        )


def _csv(path: Path, name: str) -> Iterator[RawRow | errors.CorpusError]:
    """The rows of a CSV file; a line that is not UTF-8 gives an error in its place."""
    with path.open("rb") as raw:
        if raw.read(2) in UTF_16:
            yield errors.CorpusError(
                "is in UTF-16.", path=name, line=1, hint="Save the file as UTF-8 CSV."
            )
            return
    csv.field_size_limit(MAX_CELL)  # of the whole process: longer cells are refused by their row
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        rows = csv.reader(file, strict=True)
        try:
            header = [cell.strip().lower() for cell in next(rows, [])]
            wrong = [column for column in header if column not in COLUMNS]
            if wrong or not header:
                yield errors.CorpusError(
                    f"unknown column {''.join(wrong[:1])!r}.",
                    path=name,
                    line=1,
                    hint=f"The first line names the columns, out of {', '.join(COLUMNS)}.",
                )
                return
            line = rows.line_num + 1
            for row in rows:
                if any(cell.strip() for cell in row):
                    yield _csv_row(row, header, line, name)
                line = rows.line_num + 1
        except csv.Error as cause:
            yield errors.CorpusError(
                f"line {rows.line_num}: {cause}.",
                path=name,
                line=rows.line_num,
                hint="Check the quotes of this row.",
            )


def _csv_row(
    row: list[str], header: list[str], line: int, name: str
) -> RawRow | errors.CorpusError:
    def wrong(problem: str, hint: str) -> errors.CorpusError:
        return errors.CorpusError(f"line {line}: {problem}", path=name, line=line, hint=hint)

    if len(row) != len(header):
        return wrong(
            f"{len(row)} cells, the header names {len(header)}.",
            'Put cells that contain a comma into "double quotes".',
        )
    for column, cell in zip(header, row, strict=True):
        if any("\udc80" <= char <= "\udcff" for char in cell):
            return wrong(f"column {column!r} is not UTF-8.", "Save the file as UTF-8 CSV.")
    return RawRow(place=f"line {line}", line=line, cells=dict(zip(header, row, strict=True)))


READERS: dict[str, Reader] = {
    ".csv": _csv,
    ".jsonl": jsonl.read,
    ".json": chats.read,
    ".xlsx": spreadsheet.read,
    ".md": markdown.read,
}

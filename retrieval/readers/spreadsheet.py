"""XLSX: the first sheet, its first row names the columns. Formulas and bombs are refused.

A workbook is a zip archive: its sizes are read before anything is unpacked.
"""

from __future__ import annotations

import datetime
import zipfile
from collections.abc import Iterator
from pathlib import Path

from retrieval import errors
from retrieval.readers.rows import COLUMNS, RawRow

MAX_UNPACKED = 200 << 20  # bytes of all parts together
MAX_RATIO = 200  # unpacked to packed; real workbooks stay under 30
MAX_PARTS = 2_000
SMALL = 1 << 20  # bytes up to which the ratio says nothing


def read(path: Path, name: str) -> Iterator[RawRow | errors.CorpusError]:
    """The rows of the first sheet of `path`."""
    import openpyxl  # noqa: PLC0415 - only needed for this kind of file

    problem = _bomb(path)
    if problem:
        yield errors.CorpusError(problem, path=name, hint="Save it as CSV, or split it.")
        return
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=False)
        rows = book.worksheets[0].iter_rows()
        header = [str(cell.value or "").strip().lower() for cell in next(rows)]
    except Exception as cause:
        yield errors.CorpusError(
            f"no workbook: {cause}.", path=name, hint="Open it in a spreadsheet and save it anew."
        )
        return
    unknown = [column for column in header if column and column not in COLUMNS]
    if unknown:
        yield errors.CorpusError(
            f"unknown column {unknown[0]!r}.",
            path=name,
            line=1,
            hint=f"Known are {', '.join(COLUMNS)}.",
        )
        return
    for number, cells in enumerate(rows, start=2):
        yield from _row([cell.value for cell in cells], [c.data_type for c in cells], header,
                        number, name)  # fmt: skip
    book.close()


def _row(
    values: list[object], kinds: list[str], header: list[str], number: int, name: str
) -> Iterator[RawRow | errors.CorpusError]:
    if all(value is None for value in values):
        return
    for column, kind in zip(header, kinds, strict=False):
        if kind == "f":
            yield errors.CorpusError(
                f"row {number}, column {column!r}: a formula.",
                path=name,
                line=number,
                hint="Replace it by its value (paste special, values only).",
            )
            return
    cells = {column: _cell(value) for column, value in zip(header, values, strict=False) if column}
    yield RawRow(place=f"row {number}", line=number, cells=cells)


def _cell(value: object) -> str:
    if isinstance(value, datetime.datetime | datetime.date):
        return value.isoformat()
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def _bomb(path: Path) -> str:
    """What is wrong with the archive, empty when nothing is."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, OSError) as cause:
        return f"no workbook: {cause}."
    unpacked = sum(part.file_size for part in parts)
    if len(parts) > MAX_PARTS or unpacked > MAX_UNPACKED:
        return f"{len(parts)} parts, {unpacked >> 20} MiB unpacked."
    for part in parts:
        if part.file_size > SMALL and part.file_size > MAX_RATIO * max(part.compress_size, 1):
            return f"{part.filename} unpacks to {part.file_size >> 20} MiB, as a zip bomb does."
    return ""

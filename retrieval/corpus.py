"""Reads approved answers from CSV files and checks every row: all of a folder, or an error.

Columns: id, lang, intent, questions (separated by " | "), answer, and optionally channel,
audience, valid_from, valid_until (ISO 8601; UTC unless an offset is given), enabled (true or
false).
"""

from __future__ import annotations

import csv
import difflib
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from retrieval import errors
from retrieval.candidate import PastAnswer

REQUIRED = ("id", "lang", "intent", "questions", "answer")
OPTIONAL = ("channel", "audience", "valid_from", "valid_until", "enabled")
LANGUAGES = ("en", "zh")
MAX_ANSWER_CHARS = 4000
MAX_QUESTION_CHARS = 500
YES, NO = ("true", "yes", "1", ""), ("false", "no", "0")


def read_folder(folder: Path, *, root: Path) -> tuple[PastAnswer, ...]:
    """All answers of the `*.csv` files in `folder`, sorted by file and line.

    Args:
        folder: where the files lie.
        root: errors and sources name files relative to it.

    Raises:
        errors.CorpusError: the first broken row, with file, line and remedy.
    """
    answers: list[PastAnswer] = []
    places: dict[tuple[str, str], str] = {}
    for path in sorted(folder.glob("*.csv")):
        name = str(path.relative_to(root))
        for line, answer in _read_file(path, name):
            key = (answer.id, answer.lang)
            if key in places:
                raise errors.CorpusError(
                    f"answer {answer.id!r} in {answer.lang!r} stands at {places[key]} already.",
                    path=name,
                    line=line,
                    hint="Give it another id or delete one of the two.",
                )
            places[key] = f"{name}:{line}"
            answers.append(answer)
    return tuple(answers)


def fingerprint(answers: Iterable[PastAnswer]) -> str:
    """SHA-256 over what can be said and found, whatever the order of the rows."""
    digest = hashlib.sha256()
    rows = [
        (a.id, a.lang, a.intent, a.questions, a.text, a.channel, a.audience, a.valid_from,
         a.valid_until, a.enabled)
        for a in answers
    ]  # fmt: skip
    for row in sorted(map(repr, rows)):
        digest.update(row.encode())
    return digest.hexdigest()


def _read_file(path: Path, name: str) -> Iterator[tuple[int, PastAnswer]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as cause:
        raise errors.CorpusError(
            f"not UTF-8 at byte {cause.start}.", path=name, hint="Save the file as UTF-8 CSV."
        ) from cause
    csv.field_size_limit(max(len(text), 131_072))  # the check of the row names a long cell
    rows = csv.reader(text.splitlines(keepends=True), strict=True)
    line = 1
    try:
        columns = _header(next(rows, []), name)
        line = rows.line_num + 1
        for row in rows:
            if any(cell.strip() for cell in row):
                yield line, _answer(_cells(row, columns, name, line), name, line)
            line = rows.line_num + 1
    except csv.Error as cause:
        raise errors.CorpusError(
            f"{cause}.", path=name, line=line, hint="Check the quotes of this row."
        ) from cause


def _header(cells: list[str], name: str) -> list[str]:
    columns = [cell.strip() for cell in cells]
    known = REQUIRED + OPTIONAL
    for column in columns:
        if column not in known:
            near = difflib.get_close_matches(column, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known are {', '.join(known)}."
            raise errors.CorpusError(f"unknown column {column!r}.", path=name, line=1, hint=hint)
    missing = [column for column in REQUIRED if column not in columns]
    if missing:
        raise errors.CorpusError(
            f"no column {missing[0]!r}.",
            path=name,
            line=1,
            hint=f"The first line names the columns: {','.join(known)}.",
        )
    return columns


def _cells(row: list[str], columns: list[str], name: str, line: int) -> dict[str, str]:
    if len(row) != len(columns):
        raise errors.CorpusError(
            f"{len(row)} cells, the header names {len(columns)}.",
            path=name,
            line=line,
            hint='Put cells that contain a comma into "double quotes".',
        )
    return {column: cell.strip() for column, cell in zip(columns, row, strict=True)}


def _answer(cells: dict[str, str], name: str, line: int) -> PastAnswer:
    def wrong(problem: str, hint: str) -> errors.CorpusError:
        return errors.CorpusError(problem, path=name, line=line, hint=hint)

    for column in REQUIRED:
        if not cells[column]:
            raise wrong(f"{column!r} is empty.", "Fill the cell or delete the row.")
    if cells["lang"] not in LANGUAGES:
        raise wrong(f"unknown lang {cells['lang']!r}.", f"Use {' or '.join(LANGUAGES)}.")
    if len(cells["answer"]) > MAX_ANSWER_CHARS:
        raise wrong(
            f"the answer has {len(cells['answer'])} characters.",
            f"At most {MAX_ANSWER_CHARS} are allowed; split it.",
        )
    questions = tuple(q.strip() for q in cells["questions"].split("|") if q.strip())
    if not questions or max(map(len, questions)) > MAX_QUESTION_CHARS:
        raise wrong(
            "'questions' holds no question, or one that is too long.",
            f"Separate questions by ' | ', each up to {MAX_QUESTION_CHARS} characters.",
        )
    try:
        start, end = _instant(cells.get("valid_from", "")), _instant(cells.get("valid_until", ""))
    except ValueError as cause:
        raise wrong(f"{cause}.", "Write dates as 2026-12-24 or 2026-12-24T18:00+01:00.") from cause
    if start and end and start > end:
        raise wrong("valid_from is after valid_until.", "Swap the two dates.")
    return PastAnswer(
        id=cells["id"],
        lang=cells["lang"],
        intent=cells["intent"],
        questions=questions,
        text=cells["answer"],
        channel=cells.get("channel") or None,
        audience=cells.get("audience") or None,
        valid_from=start,
        valid_until=end,
        enabled=_flag(cells.get("enabled", ""), wrong),
        source=f"{name}:{line}",
    )


def _instant(cell: str) -> datetime | None:
    if not cell:
        return None
    moment = datetime.fromisoformat(cell)
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def _flag(cell: str, wrong: Callable[[str, str], errors.CorpusError]) -> bool:
    word = cell.lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise wrong(f"'enabled' is {cell!r}.", "Write true or false.")

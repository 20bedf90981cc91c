"""One row of an import: named cells, and the answer that they make or what is wrong with them."""

from __future__ import annotations

import hashlib
import re
import zoneinfo
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from retrieval import errors
from retrieval.candidate import PastAnswer

COLUMNS = (
    "id", "lang", "intent", "questions", "answer", "channel", "audience", "valid_from",
    "valid_until", "timezone", "enabled", "source",
)  # fmt: skip
LANGUAGES = ("en", "zh")
MAX_ANSWER_CHARS = 4000
MAX_QUESTION_CHARS = 500
MAX_QUESTIONS = 200
MAX_ID_CHARS = 200
_FORMULA = re.compile(r"=\s*(?:[A-Za-z.]+\(|\$?[A-Za-z]{1,3}\$?\d+\b)")  # =SUM(A1), =B2
YES, NO = ("true", "yes", "1", "", "是"), ("false", "no", "0", "否")
_HAN = ("\u3400", "\u9fff")
Wrong = Callable[[str, str, str], errors.CorpusError]
"""Makes the error for a column: its name, the problem, the remedy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawRow:
    """What a reader found, unchecked."""

    place: str
    """Row and, where a file has them, sheet; as people count: "row 7", "line 12"."""
    line: int
    cells: Mapping[str, str]


def answer_of(row: RawRow, name: str) -> PastAnswer:
    """The answer that `row` of the file `name` makes.

    Without an id it gets one from its first question, without a language that of its text.

    Raises:
        errors.CorpusError: a cell is missing or wrong; names place, column and remedy.
    """
    cells = {column: row.cells.get(column, "").strip() for column in COLUMNS}

    def wrong(column: str, problem: str, hint: str) -> errors.CorpusError:
        said = f"{row.place}, column {column!r}: {problem}"
        return errors.CorpusError(said, path=name, line=row.line, hint=hint)

    questions = tuple(q for q in map(str.strip, cells["questions"].split("|")) if q)
    _check_texts(cells, questions, wrong)
    lang = cells["lang"] or language_of(questions[0] + cells["answer"])
    if lang not in LANGUAGES:
        raise wrong("lang", f"unknown language {lang!r}.", f"Use {' or '.join(LANGUAGES)}.")
    start, end = (_instant(cells, column, wrong) for column in ("valid_from", "valid_until"))
    if start and end and start > end:
        raise wrong("valid_from", "is after valid_until.", "Swap the two dates.")
    enabled = cells["enabled"].lower()
    if enabled not in YES + NO:
        raise wrong("enabled", f"{cells['enabled']!r}.", "Write true or false.")
    return PastAnswer(
        id=cells["id"] or _id_of(questions[0]),
        lang=lang,
        intent=cells["intent"],
        questions=questions,
        text=cells["answer"],
        channel=cells["channel"] or None,
        audience=cells["audience"] or None,
        valid_from=start,
        valid_until=end,
        enabled=enabled in YES,
        source=cells["source"] or f"{name}, {row.place}",
    )


def language_of(text: str) -> str:
    """Chinese if `text` holds a Han character, else English."""
    return "zh" if any(_HAN[0] <= char <= _HAN[1] for char in text) else "en"


def _check_texts(cells: Mapping[str, str], questions: tuple[str, ...], wrong: Wrong) -> None:
    if not questions:
        raise wrong("questions", "is empty.", "Write a question or delete the row.")
    if len(questions) > MAX_QUESTIONS or max(map(len, questions)) > MAX_QUESTION_CHARS:
        raise wrong(
            "questions",
            f"{len(questions)} questions, the longest of {max(map(len, questions))} characters.",
            f"Up to {MAX_QUESTIONS}, separated by ' | ', each up to {MAX_QUESTION_CHARS}.",
        )
    if not cells["answer"]:
        raise wrong("answer", "is empty.", "Write the answer or delete the row.")
    if len(cells["answer"]) > MAX_ANSWER_CHARS:
        size = len(cells["answer"])
        hint = f"At most {MAX_ANSWER_CHARS} are allowed; split it."
        raise wrong("answer", f"has {size} characters.", hint)
    if len(cells["id"]) > MAX_ID_CHARS:
        raise wrong("id", f"has {len(cells['id'])} characters.", f"At most {MAX_ID_CHARS}.")
    for column in ("questions", "answer"):
        if _FORMULA.match(cells[column]):
            hint = "Replace it by its value (paste special, values only)."
            raise wrong(column, "a formula.", hint)
    for column in ("id", "questions", "answer"):
        if "\0" in cells[column] or "\ufffd" in cells[column]:
            raise wrong(column, "broken characters.", "Save the file as UTF-8 and look at them.")


def _instant(cells: Mapping[str, str], column: str, wrong: Wrong) -> datetime | None:
    if not cells[column]:
        return None
    try:
        zone = zoneinfo.ZoneInfo(cells["timezone"]) if cells["timezone"] else UTC
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as cause:
        problem = f"no time zone {cells['timezone']!r}."
        raise wrong("timezone", problem, "Write it as Europe/Berlin or Asia/Shanghai.") from cause
    try:
        moment = datetime.fromisoformat(cells[column])
    except ValueError as cause:
        hint = "Write dates as 2026-12-24 or 2026-12-24T18:00+01:00."
        raise wrong(column, f"no date {cells[column]!r}.", hint) from cause
    return moment.replace(tzinfo=moment.tzinfo or zone).astimezone(UTC)


def _id_of(question: str) -> str:
    return "q-" + hashlib.sha256(question.casefold().encode()).hexdigest()[:12]

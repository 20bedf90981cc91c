"""Files with past answers: what is read, and that each mistake names its place and remedy."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import pytest

from retrieval import errors
from retrieval.readers import files

HEADER = "id,lang,questions,answer,valid_from,valid_until,timezone,audience,enabled\n"


def written(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def workbook(folder: Path, *rows: list[object]) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    path = folder / "answers.xlsx"
    book.save(path)
    book.close()
    return path


def test_csv_rows_become_answers(tmp_path: Path) -> None:
    row = "a,en,Open? | Hours?,9 to 18,2026-07-01,2026-07-02T12:00,Europe/Berlin,staff,yes\n"
    found = files.read(written(tmp_path, "x.csv", HEADER + row))
    (answer,) = found.answers
    assert (answer.questions, answer.text, answer.audience) == (
        ("Open?", "Hours?"), "9 to 18", "staff",
    )  # fmt: skip
    assert answer.valid_from == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert answer.valid_until == datetime(2026, 7, 2, 10, tzinfo=UTC)
    assert (answer.source, found.problems) == ("x.csv, line 2", ())


@pytest.mark.parametrize(
    ("row", "said", "remedy"),
    [
        ("a,en,Q?,,,,,,", "line 2, column 'answer': is empty", "Write the answer"),
        ("a,en,,A,,,,,", "line 2, column 'questions': is empty", "Write a question"),
        ("a,fr,Q?,A,,,,,", "unknown language 'fr'", "Use en or zh"),
        ("a,en,Q?,A,2026-02-01,2026-01-01,,,", "is after valid_until", "Swap"),
        ("a,en,Q?,A,yesterday,,,,", "column 'valid_from'", "2026-12-24"),
        ("a,en,Q?,A,2026-01-01,,Mars/Base,,", "column 'timezone'", "Europe/Berlin"),
        ("a,en,Q?,A,,,,,perhaps", "column 'enabled': 'perhaps'", "true or false"),
        ("a,en,Q?,A", "4 cells, the header names 9", "double quotes"),
        (f"a,en,Q?,{'x' * 5000},,,,,", "column 'answer': has 5000 characters", "split it"),
        ("a,en,Q?,=SUM(A1:A9),,,,,", "column 'answer': a formula", "its value"),
        ("a,en,=$B$2,A,,,,,", "column 'questions': a formula", "its value"),
    ],
)
def test_a_wrong_row_names_its_place_and_remedy(
    tmp_path: Path, row: str, said: str, remedy: str
) -> None:
    found = files.read(written(tmp_path, "x.csv", HEADER + row + "\nok,en,Q?,A,,,,,\n"))
    (problem,) = found.problems
    assert said in str(problem)
    assert remedy in problem.hint
    assert (problem.line, problem.path) == (2, "x.csv")
    assert [a.id for a in found.answers] == ["ok"]


def test_an_id_twice_is_found(tmp_path: Path) -> None:
    found = files.read(written(tmp_path, "x.csv", HEADER + "a,en,Q?,A,,,,,\na,en,R?,B,,,,,\n"))
    assert "line 3, column 'id': 'a' in 'en' stands at line 2" in str(found.problems[0])


def test_a_row_that_is_not_utf8_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    content = HEADER.encode() + b"a,en,Q?,caf\xe9,,,,,\nb,zh,\xe9\x80\x80\xe6\xac\xbe,A,,,,,\n"
    found = files.read(written(tmp_path, "x.csv", content))
    assert "line 2: column 'answer' is not UTF-8" in str(found.problems[0])
    assert found.answers[0].questions == ("退款",)


def test_a_huge_answer_is_named_by_its_row_and_column_and_the_rest_is_read(tmp_path: Path) -> None:
    huge = "x" * 5_000_000
    found = files.read(written(tmp_path, "x.csv", f"questions,answer\nA?,{huge}\nB?,b\n"))
    (problem,) = found.problems
    assert "line 2, column 'answer': has 5000000 characters" in str(problem)
    assert "split it" in problem.hint
    assert [answer.text for answer in found.answers] == ["b"]


def test_an_unknown_time_zone_and_utf_16_are_named(tmp_path: Path) -> None:
    row = "questions,answer,valid_from,timezone\nA?,a,2026-12-24,Mars/Olympus\n"
    (problem,) = files.read(written(tmp_path, "x.csv", row)).problems
    assert "line 2, column 'timezone': no time zone 'Mars/Olympus'" in str(problem)
    (wide,) = files.read(written(tmp_path, "y.csv", row.encode("utf-16"))).problems
    assert "UTF-16" in str(wide)
    assert "UTF-8" in wide.hint


def test_jsonl_takes_lists_and_finds_the_language(tmp_path: Path) -> None:
    rows = [
        {"questions": ["怎么退款", "退钱"], "answer": "三天内。"},
        {"question": "Hi?", "text": "Yo"},
    ]
    found = files.read(written(tmp_path, "x.jsonl", "\n".join(map(json.dumps, rows)) + "\n{\n"))
    assert [(a.lang, a.questions) for a in found.answers] == [
        ("zh", ("怎么退款", "退钱")), ("en", ("Hi?",)),
    ]  # fmt: skip
    assert found.problems[0].line == 3


def test_an_answer_without_an_id_keeps_the_same_one(tmp_path: Path) -> None:
    first = files.read(written(tmp_path, "x.jsonl", '{"questions": "Hi?", "answer": "A"}'))
    again = files.read(written(tmp_path, "y.jsonl", '{"questions": "Hi?", "answer": "B"}'))
    assert first.answers[0].id == again.answers[0].id


def test_headings_with_text_below_are_questions(tmp_path: Path) -> None:
    first = "# Help\n\n## Where is it?\nOn its way.\n\n```\n# no heading\n```\n"
    text = first + "## 怎么退？\n七天。\n## Empty\n"
    found = files.read(written(tmp_path, "x.md", text))
    assert [(a.questions[0], a.text.splitlines()[0], a.lang) for a in found.answers] == [
        ("Where is it?", "On its way.", "en"), ("怎么退？", "七天。", "zh"),
    ]  # fmt: skip
    assert "# no heading" in found.answers[0].text


def test_a_chat_gives_its_first_question_and_the_best_answer(tmp_path: Path) -> None:
    talk = {
        "id": 7,
        "messages": [
            {"role": "agent", "text": "Hello!"},
            {"role": "user", "text": "Where is my parcel?"},
            {"role": "agent", "text": "One moment, I am looking it up for you in our system."},
            {"role": "agent", "text": "At the depot.", "rating": 5},
        ],
    }
    path = written(tmp_path, "x.json", json.dumps([talk, {"id": 8}, {"messages": []}]))
    found = files.read(path)
    (answer,) = found.answers
    assert (answer.id, answer.questions, answer.text) == (
        "chat-7", ("Where is my parcel?",), "At the depot.",
    )  # fmt: skip
    assert "conversation 2" in str(found.problems[0])


def test_a_workbook_is_read(tmp_path: Path) -> None:
    path = workbook(
        tmp_path,
        ["ID", "lang", "questions", "answer", "valid_from", "enabled"],
        ["a", "zh", "怎么退款", "三天内。", datetime(2026, 1, 2), True],
        [None] * 6,
        ["b", "en", "Sum?", "=1+1", None, None],
    )
    found = files.read(path)
    (answer,) = found.answers
    assert (answer.id, answer.valid_from, answer.enabled) == (
        "a", datetime(2026, 1, 2, tzinfo=UTC), True,
    )  # fmt: skip
    assert "row 4, column 'answer': a formula" in str(found.problems[0])
    assert "values only" in found.problems[0].hint


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (20 << 20))
    (problem,) = files.read(path).problems
    assert "zip bomb" in str(problem)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no zip"])
def test_what_is_no_workbook_is_said_to_be_none(tmp_path: Path, content: bytes) -> None:
    assert "no workbook" in str(files.read(written(tmp_path, "x.xlsx", content)).problems[0])


@pytest.mark.parametrize("name", ["x.exe", "missing.csv"])
def test_what_nobody_reads_is_refused(tmp_path: Path, name: str) -> None:
    if name == "x.exe":
        written(tmp_path, name, b"MZ")
    with pytest.raises(errors.CorpusError, match="cannot be imported"):
        files.read(tmp_path / name)


def test_a_beir_folder_holds_question_and_answer(tmp_path: Path) -> None:
    row = {"_id": "d1", "title": "", "text": "Open?\n9 to 18.\nNot on Sunday."}
    written(tmp_path, "corpus.jsonl", json.dumps(row) + "\n")
    (answer,) = files.read(tmp_path).answers
    assert (answer.questions, answer.text) == (("Open?",), "9 to 18.\nNot on Sunday.")

"""Answers files: what is read, and for each broken row the file, the line and the remedy."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrieval import corpus, errors
from retrieval.candidate import PastAnswer

HEADER = "id,lang,intent,questions,answer\n"
ROW = "a,en,greet,hi?,Hello.\n"
WIDE = "id,lang,intent,questions,answer,channel,valid_from,valid_until,enabled\n"


def read(tmp_path: Path, content: str | bytes, name: str = "shop.csv") -> tuple[PastAnswer, ...]:
    folder = tmp_path / "answers"
    folder.mkdir(exist_ok=True)
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / name).write_bytes(raw)
    return corpus.read_folder(folder, root=tmp_path)


def test_a_full_row_is_read(tmp_path: Path) -> None:
    row = "t,zh,track,在哪？ | 物流|,在路上。,widget,2026-03-01,2026-03-31T18:00+02:00,false\n"
    (found,) = read(tmp_path, WIDE + row)
    assert found == PastAnswer(
        id="t",
        lang="zh",
        intent="track",
        questions=("在哪？", "物流"),
        text="在路上。",
        channel="widget",
        valid_from=datetime(2026, 3, 1, tzinfo=UTC),
        valid_until=datetime(2026, 3, 31, 16, tzinfo=UTC),
        enabled=False,
        source="answers/shop.csv:2",
    )
    assert found.title == "在哪？"


@pytest.mark.parametrize(
    ("cell", "enabled"),
    [("true", True), ("YES", True), ("1", True), ("", True), ("No", False), ("0", False)],
)
def test_enabled_is_read_as_people_write_it(tmp_path: Path, cell: str, enabled: bool) -> None:
    (found,) = read(tmp_path, f"{WIDE}a,en,greet,hi?,Hello.,,,,{cell}\n")
    assert found.enabled is enabled


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    (found,) = read(tmp_path, "answer, lang ,questions,id,intent\nHello.,en,hi?,a,greet\n")
    assert (found.id, found.text, found.lang) == ("a", "Hello.", "en")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + (HEADER + ROW).encode())[0].id == "a"


def test_windows_line_ends_and_empty_lines_are_passed_over(tmp_path: Path) -> None:
    content = (HEADER + "\n" + ROW + ",,,,\n" + ROW.replace("a,", "b,")).replace("\n", "\r\n")
    assert [(a.id, a.source) for a in read(tmp_path, content)] == [
        ("a", "answers/shop.csv:3"),
        ("b", "answers/shop.csv:5"),
    ]


def test_cells_of_several_lines_keep_the_line_numbers_right(tmp_path: Path) -> None:
    content = f'{HEADER}a,en,greet,hi?,"First.\n\nThird, ""quoted""."\n{ROW.replace("a,", "b,")}'
    first, second = read(tmp_path, content)
    assert first.text == 'First.\n\nThird, "quoted".'
    assert (first.source, second.source) == ("answers/shop.csv:2", "answers/shop.csv:5")


def test_an_error_after_a_cell_of_several_lines_names_its_own_line(tmp_path: Path) -> None:
    content = f'{HEADER}a,en,greet,hi?,"First.\nSecond."\nb,xx,greet,hi?,Hello.\n'
    with pytest.raises(errors.CorpusError) as caught:
        read(tmp_path, content)
    assert caught.value.line == 4


def test_files_are_read_in_order_of_their_names(tmp_path: Path) -> None:
    read(tmp_path, HEADER + ROW, "b.csv")
    found = read(tmp_path, HEADER + ROW.replace("a,", "z,"), "a.csv")
    assert [answer.id for answer in found] == ["z", "a"]


def test_no_files_and_empty_tables_give_no_answers(tmp_path: Path) -> None:
    assert corpus.read_folder(tmp_path, root=tmp_path) == ()
    assert read(tmp_path, HEADER) == ()


def test_an_answer_in_two_languages_is_no_repetition(tmp_path: Path) -> None:
    assert len(read(tmp_path, HEADER + ROW + ROW.replace("en", "zh"))) == 2


LONG = "x" * (corpus.MAX_ANSWER_CHARS + 1)
LONG_QUESTION = "x" * (corpus.MAX_QUESTION_CHARS + 1)


@pytest.mark.parametrize(
    ("content", "line", "problem", "remedy"),
    [
        ("", 1, "no column 'id'", "id,lang,intent"),
        ("id,lang,intent,questions\n", 1, "no column 'answer'", "The first line"),
        ("id,lang,intent,question,answer\n", 1, "unknown column 'question'", "mean 'questions'"),
        (HEADER.strip() + ",zzz\n", 1, "unknown column 'zzz'", "Known are id"),
        (HEADER + "a,en,greet,hi?\n", 2, "4 cells, the header names 5", "double quotes"),
        (HEADER + ROW + "b,en,greet,hi?,Hi, you\n", 3, "6 cells", "double quotes"),
        (HEADER + ",en,greet,hi?,Hello.\n", 2, "'id' is empty", "Fill the cell"),
        (HEADER + "a,en,greet,hi?,  \n", 2, "'answer' is empty", "Fill the cell"),
        (HEADER + "a,de,greet,hi?,Hallo.\n", 2, "unknown lang 'de'", "en or zh"),
        (HEADER + f"a,en,greet,hi?,{LONG}\n", 2, "has 4001 characters", "split it"),
        (HEADER + "a,en,greet, | | ,Hello.\n", 2, "holds no question", "' | '"),
        (HEADER + f"a,en,greet,hi | {LONG_QUESTION},Hello.\n", 2, "too long", "500 characters"),
        (HEADER + ROW + "\n" + ROW, 4, "stands at answers/shop.csv:2 already", "another id"),
        (WIDE + "a,en,greet,hi?,Hello.,,24.12.2026,,\n", 2, "24.12.2026", "2026-12-24"),
        (WIDE + "a,en,greet,hi?,Hello.,,,2026-02-30,\n", 2, "day is out of range", "dates"),
        (WIDE + "a,en,greet,hi?,Hi.,,2026-03-02,2026-03-01,\n", 2, "is after", "Swap"),
        (WIDE + "a,en,greet,hi?,Hello.,,,,maybe\n", 2, "'enabled' is 'maybe'", "true or false"),
        (HEADER + ROW + 'b,en,greet,"hi"?,Hello.\n', 3, "expected after", "quotes"),
        (HEADER + ROW + 'b,en,greet,hi?,"Hello.\n', 3, "unexpected end", "quotes"),
    ],
)
def test_each_error_names_file_line_and_remedy(
    tmp_path: Path, content: str, line: int, problem: str, remedy: str
) -> None:
    with pytest.raises(errors.CorpusError) as caught:
        read(tmp_path, content)
    assert problem in str(caught.value)
    assert remedy in caught.value.hint
    assert (caught.value.path, caught.value.line) == ("answers/shop.csv", line)


def test_other_encodings_are_refused_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(errors.CorpusError, match=r"not UTF-8 at byte \d+") as caught:
        read(tmp_path, (HEADER + "a,zh,greet,在吗,您好\n").encode("gb18030"))
    assert "Save the file as UTF-8" in caught.value.hint


def answers() -> list[PastAnswer]:
    return [
        PastAnswer(id=str(i), lang="en", intent="x", questions=(f"q{i}",), text=f"t{i}")
        for i in range(20)
    ]


def test_the_fingerprint_does_not_depend_on_the_order_of_rows() -> None:
    shuffled = answers()
    random.Random(1).shuffle(shuffled)  # noqa: S311 - no secret
    assert corpus.fingerprint(shuffled) == corpus.fingerprint(answers())


def test_the_fingerprint_changes_with_what_is_said_but_not_with_the_place() -> None:
    before = corpus.fingerprint(answers())
    base = {"id": "0", "lang": "en", "intent": "x", "questions": ("q0",), "text": "t0"}
    moved = PastAnswer(**base, source="b.csv:9")  # type: ignore[arg-type]
    edited = PastAnswer(**(base | {"text": "new"}))  # type: ignore[arg-type]
    off = PastAnswer(**base, enabled=False)  # type: ignore[arg-type]
    assert corpus.fingerprint([moved, *answers()[1:]]) == before
    assert corpus.fingerprint([edited, *answers()[1:]]) != before
    assert corpus.fingerprint([off, *answers()[1:]]) != before

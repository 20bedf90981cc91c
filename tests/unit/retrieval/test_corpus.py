"""Answers from CSV: what is read, and what each broken row is told."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from retrieval import corpus, errors

HEADER = "id,lang,intent,questions,answer,channel,valid_from,valid_until,enabled\n"


def write(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    (folder / "a.csv").write_text(text, encoding=encoding)
    return folder


def test_a_row_becomes_an_answer(tmp_path: Path) -> None:
    row = "x,zh,i,问一 | 问二,答案,widget,2026-01-01,2026-12-24T18:00+01:00,no\n"
    [answer] = corpus.read_folder(write(tmp_path, HEADER + row), root=tmp_path)
    assert answer.questions == ("问一", "问二")
    assert (answer.title, answer.text, answer.channel) == ("问一", "答案", "widget")
    assert answer.valid_from == datetime(2026, 1, 1, tzinfo=UTC)
    assert answer.valid_until == datetime(2026, 12, 24, 17, tzinfo=UTC)
    assert not answer.enabled
    assert answer.source == "a.csv:2"


def test_optional_columns_may_be_missing_and_bom_and_blank_rows_are_no_matter(
    tmp_path: Path,
) -> None:
    text = "answer,id,lang,intent,questions\n\nyes,x,en,i,q?\n,,,,\n"
    [answer] = corpus.read_folder(write(tmp_path, text, "utf-8-sig"), root=tmp_path)
    assert answer.enabled
    assert answer.source == "a.csv:3"


def test_lines_are_right_after_a_cell_of_several_lines(tmp_path: Path) -> None:
    text = HEADER + 'x,en,i,q?,"one\ntwo",,,,\ny,xx,i,q?,a,,,,\n'
    with pytest.raises(errors.CorpusError, match="'xx'") as caught:
        corpus.read_folder(write(tmp_path, text), root=tmp_path)
    assert (caught.value.path, caught.value.line) == ("a.csv", 4)


@pytest.mark.parametrize(
    ("text", "problem", "line"),
    [
        ("id,lang,intent,questions\n", "no column 'answer'", 1),
        (HEADER.replace("answer", "anser"), "unknown column 'anser'", 1),
        (HEADER + "x,en,i,q?\n", "4 cells, the header names 9", 2),
        (HEADER + ",en,i,q?,a,,,,\n", "'id' is empty", 2),
        (HEADER + "x,en,i,q?,,,,,\n", "'answer' is empty", 2),
        (HEADER + "x,en,i, | ,a,,,,\n", "no question", 2),
        (HEADER + "x,fr,i,q?,a,,,,\n", "unknown lang 'fr'", 2),
        (HEADER + "x,en,i,q?,a,,tomorrow,,\n", "tomorrow", 2),
        (HEADER + "x,en,i,q?,a,,2026-02-01,2026-01-01,\n", "valid_from is after", 2),
        (HEADER + "x,en,i,q?,a,,,,perhaps\n", "'enabled' is 'perhaps'", 2),
        (HEADER + f"x,en,i,q?,{'a' * 4001},,,,\n", "4001 characters", 2),
        (HEADER + 'x,en,i,q?,"a,,,,\n', "unexpected end of data", 2),
        (HEADER + "x,en,i,q?,a,,,,\nx,en,i,p?,b,,,,\n", "stands at a.csv:2 already", 3),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, problem: str, line: int) -> None:
    with pytest.raises(errors.CorpusError, match=problem) as caught:
        corpus.read_folder(write(tmp_path, text), root=tmp_path)
    assert caught.value.line == line
    assert caught.value.hint


def test_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(HEADER.encode() + "x,zh,i,问,答,,,,\n".encode("gb18030"))
    with pytest.raises(errors.CorpusError, match="not UTF-8"):
        corpus.read_folder(tmp_path, root=tmp_path)


def test_the_fingerprint_tells_edits_but_not_order(tmp_path: Path) -> None:
    rows = ["x,en,i,q?,a,,,,\n", "y,en,i,p?,b,,,,\n"]

    def fingerprint(*lines: str) -> str:
        folder = write(tmp_path, HEADER + "".join(lines))
        return corpus.fingerprint(corpus.read_folder(folder, root=tmp_path))

    assert fingerprint(*rows) == fingerprint(*reversed(rows))
    assert fingerprint(*rows) != fingerprint(rows[0], rows[1].replace(",b,", ",c,"))

"""Data files as people have them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from classifier import errors, reading
from classifier.reading import Columns

ROWS = [("where is it", "track"), ("退货怎么办", "return/退货"), ('he said "hi",\nbye', "greet")]


def pairs(path: Path, columns: Columns | None = None) -> list[tuple[str, str]]:
    return [(example.text, example.intent) for example in reading.read(path, columns)]


def table(header: str, delimiter: str = ",") -> str:
    quoted = [[f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row] for row in ROWS]
    return "\n".join([header, *(delimiter.join(row) for row in quoted)]) + "\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(table("text,intent").encode(encoding))
    assert pairs(path) == ROWS


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", table("Utterance,Category")),
        ("a.csv", table("query;label", ";")),
        ("a.tsv", table("question\tclass", "\t")),
        ("a.csv", table("text\tintent", "\t")),
    ],
)
def test_usual_names_and_separators(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    assert pairs(tmp_path / name) == ROWS


def test_named_columns(tmp_path: Path) -> None:
    path = tmp_path / "reviews.csv"
    path.write_text("text,sentiment,topic\nnice,positive,phone\n", encoding="utf-8")
    assert pairs(path, Columns(label="topic")) == [("nice", "phone")]
    with pytest.raises(errors.DatasetError, match=r"no label column .*--label-column"):
        reading.read(path)
    with pytest.raises(errors.DatasetError, match=r"no column 'x'\. .*'topic'"):
        reading.read(path, Columns(label="x"))


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text, "intent": label, "n": 1}) for text, label in ROWS]
    path.write_text("\n\n".join(lines), encoding="utf-8")
    assert pairs(path) == ROWS
    assert [example.line for example in reading.read(path)] == [1, 3, 5]


def test_rasa_files_and_folders(tmp_path: Path) -> None:
    nlu = "nlu:\n- intent: greet\n  examples: |\n    - hello [Bob](name)\n    - hi\n"
    (tmp_path / "nlu.yml").write_text(nlu, encoding="utf-8")
    wanted = [("hello Bob", "greet"), ("hi", "greet")]
    assert pairs(tmp_path / "nlu.yml") == pairs(tmp_path) == wanted


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", "the file is empty"),
        ("a.csv", b"text,intent\n", "no examples"),
        ("a.csv", b"text,intent\nhi,greet\n ,greet\n", r"a\.csv:3: the text is empty"),
        ("a.csv", b"text,intent\nhi,\n", r"a\.csv:2: the label is empty"),
        ("a.csv", b"text,intent\nhi\n", r"a\.csv:2: 1 columns, the header has 2"),
        ("a.csv", b'text,intent\nhi,"a\x07b"\n', "control characters"),
        ("a.csv", b'text,intent\n"hi,greet\n', "unexpected end of data"),
        ("a.csv", b"\xff\xff\xff\xff", "neither UTF-8, UTF-16 nor GB18030"),
        ("a.jsonl", b'{"text": "hi", "intent": "a"}\n{', r"a\.jsonl:2: not JSON"),
        ("a.jsonl", b"[1]", "not a JSON object"),
        ("a.jsonl", b'{"text": 1, "intent": "a"}', "1 is no text"),
        ("a.pdf", b"x", r"'\.pdf' is not known"),
        ("a.yml", b"nlu: 3\n", "`nlu` is no list"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(errors.DatasetError, match=words) as caught:
        reading.read(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetError, match="No such file"):
        reading.read(tmp_path / "none.csv")


def test_a_text_of_a_megabyte_and_many_rows(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    rows = "".join(f"text {i},label {i % 7}\n" for i in range(100_000))
    path.write_text(f"text,intent\n{'x' * 1_000_000},long\n{rows}", encoding="utf-8")
    found = reading.read(path)
    assert len(found) == 100_001
    assert len(found[0].text) == 1_000_000


def test_texts_without_labels(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one\n\n two \n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("text\none\ntwo\n", encoding="utf-8")
    assert reading.read_texts(tmp_path / "a.txt") == ("one", "two")
    assert reading.read_texts(tmp_path / "a.csv") == ("one", "two")

"""Rasa YAML: what is read, and for each error the file and the line."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from classifier import errors, rasa_yaml
from classifier.dataset import LabelledText

NAME = "nlu/shop.yml"


def read(tmp_path: Path, content: str | bytes) -> tuple[LabelledText, ...]:
    path = tmp_path / NAME
    path.parent.mkdir(exist_ok=True)
    if isinstance(content, str):
        content = textwrap.dedent(content).lstrip("\n").encode()
    path.write_bytes(content)
    return rasa_yaml.read_nlu([path], root=tmp_path)


def test_both_ways_to_write_examples_are_read_with_their_lines(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        """
        version: "3.1"
        nlu:
        - intent: track_parcel
          examples: |
            - where is [WS1](order)

            - 我的包裹在哪
        - intent: greet
          examples:
          - text: |
              hello there
          - text: hi
            metadata: {sentiment: good}
        - synonym: parcel
          examples: |
            - package
        """,
    )
    assert [(e.intent, e.text, e.line) for e in found] == [
        ("track_parcel", "where is WS1", 5),
        ("track_parcel", "我的包裹在哪", 7),
        ("greet", "hello there", 10),
        ("greet", "hi", 12),
    ]
    assert {e.path for e in found} == {NAME}


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    content = "\ufeffnlu:\n- intent: greet\n  examples: |\n    - hi\n"
    assert [e.text for e in read(tmp_path, content.encode())] == ["hi"]


@pytest.mark.parametrize("content", ["", "# nothing but a remark\n", 'version: "3.1"\n', "nlu:\n"])
def test_a_file_without_examples_gives_none(tmp_path: Path, content: str) -> None:
    assert read(tmp_path, content) == ()


@pytest.mark.parametrize(
    ("content", "line", "problem", "remedy"),
    [
        ("- a\n- b\n", 1, "no keys at the top", "version"),
        ("just words\n", 1, "no keys at the top", "version"),
        ('version: "3.1"\nnlu:\n- intent: a\n  examples: "x\n', 4, "not YAML", "quotes"),
        ("nlu:\n- intent: a\n   examples: |\n", 3, "not YAML", "indentation"),
        ("a: 1\na: 2\n", 2, "not YAML", ""),
        ('version: "3.1"\nnlu: 5\n', 2, "`nlu` is no list", "- intent"),
        (
            "nlu:\n- intent: a\n  examples: |\n    - x\n- words\n",
            5,
            "'words' is no NLU",
            "- intent",
        ),
        ("nlu:\n- intent:\n  examples: |\n    - x\n", 2, "intent None is no name", "Quote"),
        ("nlu:\n- intent: 7\n  examples: |\n    - x\n", 2, "intent 7 is no name", "Quote"),
        ("nlu:\n\n- intent: a\n", 3, "'a' has no examples", "examples: |"),
        ("nlu:\n- intent: a\n  examples: 3\n", 3, "'a' has no examples", "examples: |"),
        ("nlu:\n- intent: a\n  examples: |\n    - x\n    y\n", 5, "'y' of intent 'a'", "'- '"),
        ("nlu:\n- intent: a\n  examples:\n  - text: x\n  - metadata: 1\n", 5, "no text", "- text"),
    ],
)
def test_each_error_names_file_line_and_remedy(
    tmp_path: Path, content: str, line: int, problem: str, remedy: str
) -> None:
    with pytest.raises(errors.DatasetError) as caught:
        read(tmp_path, content)
    assert problem in str(caught.value)
    assert remedy in caught.value.hint
    assert (caught.value.path, caught.value.line) == (NAME, line)


def test_other_encodings_are_refused_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetError, match="not UTF-8 at byte 5") as caught:
        read(tmp_path, "nlu: 退货".encode("gb18030"))
    assert "Save the file as UTF-8" in caught.value.hint


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.DatasetError, match="cannot be read: No such file"):
        rasa_yaml.load(tmp_path / "nothing.yml", name="nothing.yml")


def test_a_huge_file_is_not_even_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.yml"
    with path.open("wb") as file:
        file.truncate(rasa_yaml.MAX_BYTES + 1)
    with pytest.raises(errors.DatasetError, match="larger than") as caught:
        rasa_yaml.load(path, name="huge.yml")
    assert caught.value.hint == "Split the file."


def test_python_objects_in_yaml_are_not_made(tmp_path: Path) -> None:
    made = tmp_path / "made"
    content = f'nlu: !!python/object/apply:os.mkdir ["{made}"]\n'
    with pytest.raises(errors.DatasetError, match="is no NLU entry"):
        read(tmp_path, content)
    assert not made.exists()

"""What NLU files say of entities, and where they are wrong."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from classifier import errors
from classifier.entities import reading
from classifier.entities.reading import EntityData, Named


def read(tmp_path: Path, content: str) -> EntityData:
    path = tmp_path / "nlu.yml"
    path.write_text(textwrap.dedent(content), encoding="utf-8")
    return reading.read([path], root=tmp_path)


def test_examples_regexes_lookups_and_synonyms_are_read(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        r"""
        nlu:
        - intent: track
          examples: |
            - where is [WS1](order)
            - no mark
        - intent: city
          examples:
          - text: |
              to [Metz](city)
        - regex: order
          examples: |
            - [A-Z]{2}\d
        - lookup: city
          examples: |
            - Metz

            - 上海
        - synonym: Metz
          examples: |
            - metz-ville
        """,
    )
    assert [e.text for e in found.examples] == ["where is WS1", "no mark", "to Metz"]
    assert found.names == {"order", "city"}
    assert found.regexes == (Named(name="order", text=r"[A-Z]{2}\d"),)
    assert found.lookups == (Named(name="city", text="Metz"), Named(name="city", text="上海"))
    assert found.synonyms == (Named(name="Metz", text="metz-ville"),)


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("nlu:\n- intent: a\n  examples: |\n    - x\n    - [a]{b}\n", 5, "is no JSON"),
        ("nlu:\n- regex: a\n  examples: |\n    - ok\n    - (\n", 5, "no regular expression"),
        ("nlu:\n- lookup: a\n  examples: |\n    - ok\n    bad\n", 5, "does not start with '- '"),
        ("nlu:\n- synonym: a\n", 2, "synonym 'a' has no examples"),
        ("nlu:\n- regex:\n  examples: |\n    - a\n", 2, "regex None has no examples"),
        ("nlu:\n- word: a\n", 2, "an entry with the keys word"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, content: str, line: int, problem: str
) -> None:
    with pytest.raises(errors.DatasetError, match=problem) as caught:
        read(tmp_path, content)
    assert (caught.value.path, caught.value.line) == ("nlu.yml", line)
    assert caught.value.hint

"""Marked values: recognised in other sentences and alone, varied for the training."""

from __future__ import annotations

from pathlib import Path

import pytest

from classifier.entities import annotation, known, tokens, trained
from classifier.entities.entity import AnnotatedText
from classifier.entities.reading import EntityData

MARKED = (
    "I want a [red](color) shirt",
    "do you have [dark blue](color) shoes",
    "fly from [Berlin]{{'entity': 'city', 'role': 'from'}}",
    "fly to [Berlin]{{'entity': 'city', 'role': 'to'}}",
    "fly to [Rome]{{'entity': 'city', 'role': 'to'}}",
    "[orange](color) please",
    "an [orange](fruit) please",
    "I say [yes](answer) to that",
    "yes",
    "hello there",
)


def text(written: str) -> AnnotatedText:
    return annotation.read(written.replace("{{", "{").replace("}}", "}").replace("'", '"'))


EXAMPLES = tuple(text(one) for one in MARKED)


def test_values_of_several_entities_are_not_known() -> None:
    values = known.learned(EXAMPLES).values
    assert set(values) == {"red", "dark blue", "berlin", "rome", "yes"}
    assert values["berlin"].kind == ("city", None, None)  # of which role only a sentence tells
    assert values["rome"].kind == ("city", "to", None)


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("red", ("color", None, None)),
        ("Dark Blue!", ("color", None, None)),
        ("Rome.", ("city", "to", None)),
        ("yes", None),  # an example without a mark
        ("orange", None),
        ("red shirt", None),
        ("", None),
    ],
)
def test_a_message_that_is_a_known_value(said: str, kind: tuple[str, str | None, None]) -> None:
    found = known.learned(EXAMPLES).alone(tokens.split(said))
    assert (found and found[0]) == kind


def test_tokens_of_known_values_have_features() -> None:
    seen = known.learned(EXAMPLES)
    pieces = tokens.split("a dark blue one")
    assert seen.around(pieces) == [[], ["l:B:color"], ["l:I:color"], []]
    assert seen.around(pieces, frozenset({"dark blue"})) == [[], [], [], []]


def test_examples_are_varied_with_the_values_of_others_and_always_alike() -> None:
    once, again = (list(known.varied(EXAMPLES, 3)) for _ in range(2))
    assert once == again
    assert len(once) == 3 * 8
    for one in once:
        for entity in one.entities:
            assert one.text[entity.start : entity.end] == entity.value
    colors = {one.text for one in once if one.text.startswith("I want")}
    assert colors <= {f"I want a {color} shirt" for color in ("red", "dark blue", "orange")}
    assert len(colors) > 1


def test_known_values_are_found_where_no_example_has_them(tmp_path: Path) -> None:
    trained.train(EntityData(examples=EXAMPLES), tmp_path / "model")
    extractor = trained.load(tmp_path / "model")
    for said in ("dark blue", "I want a dark blue shirt", "do you have red shoes"):
        [found] = extractor.extract(said)
        assert found.entity == "color"
        assert found.confidence is not None
    assert extractor.extract("hello there") == ()

"""Regexes, lookup tables and synonyms find what they find in Rasa 3.6."""

from __future__ import annotations

import pytest

from classifier.entities import annotation
from classifier.entities.entity import Entity
from classifier.entities.patterns import PatternExtractor, Synonyms
from classifier.entities.pipeline import EntityExtractor
from classifier.entities.reading import EntityData, Named

DATA = EntityData(
    examples=tuple(
        map(
            annotation.read,
            ["my name is [Ann](name)", "to [上海](城市)", "[NYC](city:New York)", "nr [A1](order)"],
        )
    ),
    regexes=(
        Named(name="order", text=r"[A-Z]{2}\d{6}"),
        Named(name="email", text=r"\S+@\S+"),
    ),
    lookups=(
        Named(name="name", text="Ann"),
        Named(name="name", text="Bob (Jr.)"),
        Named(name="城市", text="上海"),
        Named(name="city", text="Bern"),
    ),
    synonyms=(Named(name="上海", text="魔都"), Named(name="Bern", text="Berne")),
)


def found(text: str, **switches: bool) -> list[tuple[str, str, int, int]]:
    extractor = PatternExtractor(DATA, **switches)
    return [(e.entity, e.value, e.start, e.end) for e in extractor.extract(text)]


def test_case_does_not_matter_unless_told() -> None:
    assert found("order ab123456 please") == [("order", "ab123456", 6, 14)]
    assert found("order ab123456 please", case_sensitive=True) == []


def test_a_pattern_whose_name_is_no_marked_entity_extracts_nothing() -> None:
    assert found("write to me@x.org") == []


def test_a_table_matches_whole_words_only_unless_told() -> None:
    assert found("I am Ann") == [("name", "Ann", 5, 8)]
    assert found("Annex") == []
    assert found("Annex", use_word_boundaries=False) == [("name", "Ann", 0, 3)]


def test_chinese_has_no_word_boundaries() -> None:
    assert found("到上海了吗") == []  # as in Rasa, which documents it
    assert found("到上海了吗", use_word_boundaries=False) == [("城市", "上海", 1, 3)]


def test_tables_and_regexes_can_be_switched_off() -> None:
    text = "Ann AB123456"
    assert found(text) == [("order", "AB123456", 4, 12), ("name", "Ann", 0, 3)]
    assert found(text, use_lookup_tables=False) == [("order", "AB123456", 4, 12)]
    assert found(text, use_regexes=False) == [("name", "Ann", 0, 3)]


def test_words_of_a_table_are_no_regexes() -> None:
    assert found("bob (jr.", use_word_boundaries=False) == []
    assert found("bob (jr.)", use_word_boundaries=False) == [("name", "bob (jr.)", 0, 9)]


@pytest.mark.parametrize(
    ("value", "mapped"),
    [
        ("berne", "Bern"),
        ("BERN", "Bern"),
        ("nyc", "New York"),
        ("new york", "New York"),
        ("ANN", "Ann"),
        ("魔都", "上海"),
    ],
)
def test_synonyms_and_marked_values_replace_what_was_said(value: str, mapped: str) -> None:
    entity = Entity(entity="x", value=value, start=0, end=len(value))
    (replaced,) = Synonyms(DATA).apply([entity])
    assert (replaced.value, replaced.processors) == (mapped, ("EntitySynonymMapper",))


def test_what_has_no_synonym_stays() -> None:
    entity = Entity(entity="x", value="Oslo", start=0, end=4)
    assert Synonyms(DATA).apply([entity]) == (entity,)


def test_the_whole_gives_what_rasa_gives() -> None:
    whole = EntityExtractor(PatternExtractor(DATA), Synonyms(DATA))
    assert [e.to_wire() for e in whole.extract("my name is ann")] == [
        {
            "entity": "name",
            "start": 11,
            "end": 14,
            "value": "Ann",
            "extractor": "RegexEntityExtractor",
            "processors": ["EntitySynonymMapper"],
        }
    ]

"""What a pipeline names is what extracts, in its order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from classifier import errors
from classifier.entities import annotation, configured
from classifier.entities.configured import Surroundings
from classifier.entities.entity import Entity
from classifier.entities.pipeline import Extractor
from classifier.entities.reading import EntityData, Named

NOW = datetime(2026, 11, 26, 20, tzinfo=UTC)
DATA = EntityData(
    examples=(annotation.read("to [Metz](city)"),),
    lookups=(Named(name="city", text="Metz"),),
    synonyms=(Named(name="metropolis", text="Metz"),),
)


class Whole:
    """A trained extractor that was taught that the whole text is a thing."""

    def __init__(self, name: str) -> None:
        self._name = name

    def extract(self, text: str) -> tuple[Entity, ...]:
        return (Entity(entity="all", value=text, start=0, end=len(text), extractor=self._name),)


def loaded(name: str) -> Extractor:
    return Whole(name)


def found(pipeline: list[dict[str, Any]], text: str) -> list[tuple[str, Any, str | None]]:
    around = Surroundings(data=DATA, load_trained=loaded, clock=lambda: NOW)
    entities = configured.build(pipeline, around).extract(text)
    return [(e.entity, e.value, e.extractor) for e in entities]


def test_the_order_is_that_of_the_pipeline() -> None:
    regex, crf = {"name": "RegexEntityExtractor"}, {"name": "CRFEntityExtractor"}
    one = ("city", "Metz", "RegexEntityExtractor")
    other = ("all", "Metz", "CRFEntityExtractor")
    assert found([regex, crf], "Metz") == [one, other]
    assert found([crf, regex], "Metz") == [other, one]


def test_synonyms_touch_only_what_stands_before_them() -> None:
    regex, synonyms = {"name": "RegexEntityExtractor"}, {"name": "EntitySynonymMapper"}
    assert [value for _, value, _ in found([regex, synonyms], "Metz")] == ["metropolis"]
    assert [value for _, value, _ in found([synonyms, regex], "Metz")] == ["Metz"]
    assert [value for _, value, _ in found([regex], "Metz")] == ["Metz"]


def test_without_a_pipeline_everything_is_used() -> None:
    assert [extractor for _, _, extractor in found([], "Metz 13812345678")] == [
        "TrainedEntityExtractor",
        "RegexEntityExtractor",
        "ReadyEntityExtractor",
    ]


def test_switches_reach_the_extractors() -> None:
    loose = {"name": "RegexEntityExtractor", "use_word_boundaries": False}
    assert found([loose], "Metzger") == [("city", "Metz", "RegexEntityExtractor")]
    duckling = {
        "name": "DucklingEntityExtractor",
        "dimensions": ["time", "number"],
        "timezone": "Asia/Shanghai",
        "url": "http://localhost:8000",
    }
    assert found([duckling], "tomorrow for 3 at a@b.cn") == [
        ("time", "2026-11-28T00:00:00.000+08:00", "DucklingEntityExtractor"),
        ("number", 3, "DucklingEntityExtractor"),
    ]


def test_what_finds_no_entities_is_passed_over() -> None:
    pipeline: list[dict[str, Any]] = [
        {"name": "WhitespaceTokenizer"},
        {"name": "DIETClassifier", "entity_recognition": False},
    ]
    assert found(pipeline, "Metz") == []
    assert not configured.needs_training(pipeline, DATA)


def test_training_is_needed_where_something_learns_and_something_is_marked() -> None:
    assert configured.needs_training([{"name": "DIETClassifier"}], DATA)
    assert configured.needs_training([], DATA)
    assert not configured.needs_training([], EntityData())
    assert not configured.needs_training([{"name": "RegexEntityExtractor"}], DATA)


def test_dimensions_that_are_unknown_are_told() -> None:
    duckling = {"name": "DucklingEntityExtractor", "dimensions": ["time", "distance", "volume"]}
    assert configured.unsupported([duckling]) == ("distance", "volume")


@pytest.mark.parametrize(
    "part",
    [
        {"name": "RegexEntityExtractor", "case_sensitive": "yes"},
        {"name": "DucklingEntityExtractor", "timezone": "Mars/Base"},
        {"name": "DucklingEntityExtractor", "dimensions": "time"},
        {"name": "ReadyEntityExtractor", "order_numbers": [5]},
    ],
)
def test_a_value_that_cannot_be_is_refused(part: dict[str, Any]) -> None:
    with pytest.raises(errors.DatasetError, match="cannot be") as caught:
        found([part], "x")
    assert caught.value.path == "config.yml"

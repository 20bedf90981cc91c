"""The steps that a project's config.yml names in its `pipeline`, made ready to extract.

`CRFEntityExtractor` and `DIETClassifier` become the trained extractor, `DucklingEntityExtractor`
the ready ones; a project without a pipeline gets trained, patterns, ready ones and synonyms.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from classifier import errors
from classifier.entities import patterns
from classifier.entities.patterns import PatternExtractor, Synonyms
from classifier.entities.pipeline import EntityExtractor, Extractor, Step
from classifier.entities.reading import EntityData
from classifier.entities.ready import extractor as ready
from classifier.entities.ready.extractor import Ready, ReadyExtractor

Component = Mapping[str, Any]
DUCKLING = "DucklingEntityExtractor"
TRAINED = ("TrainedEntityExtractor", "CRFEntityExtractor", "DIETClassifier")
DEFAULT: tuple[Component, ...] = tuple(
    {"name": name} for name in (TRAINED[0], patterns.REGEX, ready.NAME, patterns.SYNONYMS)
)
_SWITCHES = ("case_sensitive", "use_lookup_tables", "use_regexes", "use_word_boundaries")


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the steps are made with."""

    data: EntityData
    load_trained: Callable[[str], Extractor] | None
    """Gives the trained extractor under a name; None where none is trained."""
    clock: Callable[[], datetime]
    """The moment that "tomorrow" refers to; aware."""
    zone: tzinfo = UTC
    """Where days begin, unless the pipeline says otherwise."""


def build(pipeline: Sequence[Component], around: Surroundings) -> EntityExtractor:
    """The extractor that `pipeline` describes; components that find no entities are passed over.

    Raises:
        errors.DatasetError: a component has a value that it cannot have.
    """
    found = pipeline or DEFAULT
    return EntityExtractor(*(step for part in found for step in _steps(part, around)))


def needs_training(pipeline: Sequence[Component], data: EntityData) -> bool:
    """Whether a component of `pipeline` learns from marked examples, and there are some."""
    return bool(data.names) and any(_learns(part) for part in pipeline or DEFAULT)


def unsupported(pipeline: Sequence[Component]) -> tuple[str, ...]:
    """Dimensions of Duckling that the ready extractors do not know."""
    return tuple(
        str(name)
        for part in pipeline
        if part.get("name") in (DUCKLING, ready.NAME)
        for name in part.get("dimensions") or ()
        if name not in ready.ALL
    )


def _learns(part: Component) -> bool:
    return part.get("name") in TRAINED and part.get("entity_recognition", True) is True


def _steps(part: Component, around: Surroundings) -> Iterator[Step]:
    name = part.get("name")
    if name == patterns.REGEX:
        yield PatternExtractor(around.data, **{k: _bool(part, k) for k in _SWITCHES if k in part})
    elif name == patterns.SYNONYMS:
        yield Synonyms(around.data)
    elif name in (DUCKLING, ready.NAME):
        yield ReadyExtractor(_ready(part, around), around.clock)
    elif _learns(part) and around.load_trained is not None:
        yield around.load_trained(str(name))


def _bool(part: Component, key: str) -> bool:
    if not isinstance(part[key], bool):
        raise _wrong(part, key, "Write true or false.")
    return bool(part[key])


def _ready(part: Component, around: Surroundings) -> Ready:
    dimensions = part.get("dimensions")
    return Ready(
        dimensions=_texts(part, "dimensions") if dimensions else ready.DIMENSIONS,
        zone=_zone(part) if part.get("timezone") else around.zone,
        regions=_texts(part, "regions") or Ready().regions,
        order_patterns=_texts(part, "order_numbers"),
        month_first=_bool(part, "month_first") if "month_first" in part else False,
        name=str(part["name"]),
    )


def _texts(part: Component, key: str) -> tuple[str, ...]:
    value = part.get(key) or ()
    if isinstance(value, str) or not all(isinstance(item, str) for item in value):
        raise _wrong(part, key, "Write a list of texts.")
    return tuple(value)


def _zone(part: Component) -> tzinfo:
    try:
        return zoneinfo.ZoneInfo(str(part["timezone"]))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as cause:
        raise _wrong(part, "timezone", "Write a name such as Europe/Berlin.") from cause


def _wrong(part: Component, key: str, hint: str) -> errors.DatasetError:
    return errors.DatasetError(
        f"{part.get('name')}: {key} cannot be {part[key]!r}.", path="config.yml", hint=hint
    )

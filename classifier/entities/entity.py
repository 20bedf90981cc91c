"""One piece of a message that means something. Standard library only, so anyone may import it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A named piece of a text, as Rasa writes it in `parse_data.entities`."""

    entity: str
    """The kind: "city", "order_number"."""
    value: Any
    """What it means, as JSON: the text itself, its synonym, or a normalised form."""
    start: int
    """First character in the text."""
    end: int
    """One past the last character."""
    role: str | None = None
    group: str | None = None
    extractor: str | None = None
    """Who found it; None for one that a person marked."""
    confidence: float | None = None
    """Probability, 0 to 1, of a trained extractor; None where nothing is estimated."""
    processors: tuple[str, ...] = ()
    """Who changed the value afterwards."""
    details: dict[str, Any] | None = None
    """What a ready extractor knows besides: the currency of an amount, the region of a number."""

    def to_wire(self) -> dict[str, Any]:
        """Rasa's JSON form; what is not set is left out."""
        wire: dict[str, Any] = {"entity": self.entity, "start": self.start, "end": self.end}
        if self.confidence is not None:
            wire["confidence_entity"] = self.confidence
        optional = {"role": self.role, "group": self.group}
        wire |= {key: value for key, value in optional.items() if value is not None}
        wire["value"] = self.value
        if self.extractor is not None:
            wire["extractor"] = self.extractor
        if self.processors:
            wire["processors"] = list(self.processors)
        if self.details is not None:
            wire["additional_info"] = self.details
        return wire


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedText:
    """A text and the entities that a person marked in it."""

    text: str
    entities: tuple[Entity, ...] = ()

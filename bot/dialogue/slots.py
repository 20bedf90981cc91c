"""Slot types: what of a value counts for the decision, and how values are kept (6.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

OTHER = "__other__"
"""What a categorical slot counts as when its value is not among those listed."""
Feature = tuple[float, ...]


class SlotType(StrEnum):
    """Types of slots."""

    TEXT = "text"
    BOOL = "bool"
    CATEGORICAL = "categorical"
    FLOAT = "float"
    LIST = "list"
    ANY = "any"


class MappingType(StrEnum):
    """Where a slot's value comes from."""

    FROM_ENTITY = "from_entity"
    FROM_INTENT = "from_intent"
    FROM_TRIGGER_INTENT = "from_trigger_intent"
    FROM_TEXT = "from_text"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a mapping applies."""

    active_loop: str | None
    """None: only while no form is active."""
    requested_slot: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """One way to fill a slot."""

    type: MappingType
    entity: str | None = None
    role: str | None = None
    group: str | None = None
    intents: tuple[str, ...] = ()
    not_intents: tuple[str, ...] = ()
    value: Any = None
    action: str | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def entity_key(self) -> tuple[str | None, str | None, str | None]:
        """Entity, role and group together."""
        return self.entity, self.role, self.group


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A slot of the domain."""

    name: str
    type: SlotType
    mappings: tuple[Mapping, ...] = ()
    influences: bool = True
    """Whether its value counts for rules and stories."""
    initial: Any = None
    values: tuple[str, ...] = ()
    """Of a categorical slot, in lower case; ends with `OTHER`."""
    minimum: float = 0.0
    maximum: float = 1.0
    """The range of a float; values beyond count as its ends."""

    def keep(self, value: Any) -> Any:
        """The value as it is kept; a list slot makes a list of a single one."""
        if self.type is SlotType.LIST and value and not isinstance(value, list):
            return [value]
        return value

    def feature(self, value: Any) -> Feature:
        """What counts of `value`; empty when the slot does not influence the conversation."""
        if not self.influences or self.type is SlotType.ANY:
            return ()
        try:
            return _FEATURES[self.type](self, value)
        except (TypeError, ValueError):  # a value that is none of its type counts as unset
            return _UNSET.get(self.type, (0.0,))


def _text(_slot: Slot, value: Any) -> Feature:
    return (0.0,) if value is None else (1.0,)


def _list(_slot: Slot, value: Any) -> Feature:
    return (1.0,) if value is not None and len(value) > 0 else (0.0,)


def _bool(_slot: Slot, value: Any) -> Feature:
    return (0.0, 0.0) if value is None else (1.0, float(_as_bool(value)))


def _float(slot: Slot, value: Any) -> Feature:
    capped = max(slot.minimum, min(slot.maximum, float(value)))
    return 1.0, (capped - slot.minimum) / (abs(slot.maximum - slot.minimum) or 1.0)


def _categorical(slot: Slot, value: Any) -> Feature:
    if value is None:
        return (0.0,) * len(slot.values)
    said = str(value).lower()
    counted = said if said in slot.values else OTHER
    return tuple(float(known == counted) for known in slot.values)


def _as_bool(value: Any) -> bool:
    if isinstance(value, bool | int | float):
        return value == 1.0
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no truth value")
    if value.isnumeric():
        return float(value) == 1.0
    if value.strip().lower() not in ("true", "false"):
        raise ValueError(f"{value!r} is no truth value")
    return value.strip().lower() == "true"


_UNSET: dict[SlotType, Feature] = {SlotType.BOOL: (0.0, 0.0), SlotType.FLOAT: (0.0, 0.0)}
_FEATURES = {
    SlotType.TEXT: _text,
    SlotType.LIST: _list,
    SlotType.BOOL: _bool,
    SlotType.FLOAT: _float,
    SlotType.CATEGORICAL: _categorical,
}

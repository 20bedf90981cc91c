"""The domain of a project as plain data: what can be meant, kept, said and done (6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from bot.dialogue import names
from bot.dialogue.slots import Mapping as SlotMapping
from bot.dialogue.slots import MappingType, Slot


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form: the slots it asks for, in order."""

    name: str
    required_slots: tuple[str, ...] = ()
    ignored_intents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """When a conversation starts anew."""

    expires_after_min: float = 60.0
    """Minutes of silence; 0 means never."""
    carry_over_slots: bool = True


@dataclass(frozen=True, kw_only=True)
class Domain:
    """All of it. Not slotted: what follows from it is computed once and kept."""

    intents: Mapping[str, frozenset[str] | None]
    """By name, which entities count beside it; None means all."""
    entities: frozenset[str]
    slots: Mapping[str, Slot]
    """By name, in the order of the file."""
    responses: Mapping[str, tuple[Mapping[str, Any], ...]]
    """By name, the variations as they are written."""
    actions: tuple[str, ...]
    """Those listed under `actions:`."""
    forms: Mapping[str, Form]
    session: Session = Session()
    retrieval_intents: frozenset[str] = frozenset()
    actions_with_domain: frozenset[str] = frozenset()
    """Those that `send_domain: true` marks, and all validation actions."""
    store_entities_as_slots: bool = True
    """Whether an entity in a story stands for its slot too."""
    texts: tuple[str, ...] = ()
    """What the bot says in end-to-end stories (`bot: ...`): actions without a name."""
    raw: Mapping[str, Any] = field(default_factory=dict)
    """The merged files as JSON, for action servers and `GET /domain`."""

    @cached_property
    def user_actions(self) -> tuple[str, ...]:
        """Custom actions, then responses by name."""
        said = sorted(name for name in self.responses if name not in self.actions)
        return (*self.actions, *said)

    @cached_property
    def action_names(self) -> tuple[str, ...]:
        """Every action, in the order that decides between equals."""
        own = [name for name in self.user_actions if name not in names.DEFAULT_ACTIONS]
        forms = [name for name in self.forms if name not in self.actions]
        return (*names.DEFAULT_ACTIONS, *own, *forms, *self.texts)

    @cached_property
    def known_actions(self) -> frozenset[str]:
        """The same, to look up."""
        return frozenset(self.action_names)

    @cached_property
    def loops(self) -> frozenset[str]:
        """Forms, and the fallback that runs as one."""
        return frozenset(self.forms) | {names.TWO_STAGE_FALLBACK}

    @cached_property
    def features(self) -> tuple[Slot, ...]:
        """Slots that count for decisions."""
        return tuple(slot for slot in self.slots.values() if slot.feature(None))

    @cached_property
    def initial_slots(self) -> Mapping[str, Any]:
        """Every slot with the value it starts with."""
        return {name: slot.initial for name, slot in self.slots.items()}

    @cached_property
    def unique_entity_mappings(self) -> Mapping[str, frozenset[tuple[Any, ...]]]:
        """By form, the entity mappings that only one of its slots has."""
        return {name: self._unique(form) for name, form in self.forms.items()}

    def is_retrieval(self, action: str) -> bool:
        """Whether `action` answers a retrieval intent, as `utter_faq`."""
        return action.removeprefix(names.UTTER) in self.retrieval_intents

    def required_slots(self, form: str) -> tuple[str, ...]:
        """What the form asks for by itself."""
        return self.forms[form].required_slots if form in self.forms else ()

    def _unique(self, form: Form) -> frozenset[tuple[Any, ...]]:
        seen: dict[tuple[Any, ...], int] = {}
        for name in form.required_slots:
            for mapping in self.slots[name].mappings if name in self.slots else ():
                if mapping.type is MappingType.FROM_ENTITY:
                    key = _key(mapping)
                    seen[key] = seen.get(key, 0) + 1
        return frozenset(key for key, count in seen.items() if count == 1)

    def is_unique(self, form: str, mapping: SlotMapping) -> bool:
        """Whether no other slot of the form is filled in the same way."""
        return _key(mapping) in self.unique_entity_mappings.get(form, frozenset())


def _key(mapping: SlotMapping) -> tuple[Any, ...]:
    conditions = tuple((c.active_loop, c.requested_slot) for c in mapping.conditions)
    return (*mapping.entity_key, mapping.intents, mapping.not_intents, conditions)

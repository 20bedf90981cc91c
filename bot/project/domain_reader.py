"""Reads the domain: one file, or a folder of them merged (6.3 to 6.6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bot.dialogue import names
from bot.dialogue.domain import Domain, Form, Session
from bot.dialogue.slots import OTHER, Slot, SlotType
from bot.project import mapping_reader, response_reader
from bot.project.findings import Findings, Parity, nearest
from bot.project.sources import Source, plain

LISTS = ("intents", "entities", "actions", "e2e_actions")
TABLES = ("slots", "responses", "forms")
FORM_KEYS = frozenset({"required_slots", "ignored_intents"})
OTHERS = ("version", "session_config", "config")
RENAMED = {"templates": "Since Rasa 2 it is `responses:`; rename it."}
OLD_TYPES = {"unfeaturized": "Since Rasa 3 it is `type: any`."}
"""What files of earlier versions say, with the remedy."""
DATA_KEYS = ("nlu", "stories", "rules")


def read(sources: Sequence[Source], findings: Findings) -> Domain:
    """The domain that `sources` make together; what is wrong goes into `findings`."""
    for source in sources:
        _check_keys(source, findings)
    raw = merged(sources, findings)
    reader = _Reader(raw, sources, findings)
    return reader.domain()


def merged(sources: Sequence[Source], findings: Findings) -> dict[str, Any]:
    """The files as one, as JSON."""
    raw: dict[str, Any] = {}
    for source in sources:
        data = {key: value for key, value in plain(source.data).items() if value is not None}
        for key in LISTS:
            if isinstance(data.get(key), list):
                have = raw.setdefault(key, [])
                have += [one for one in data[key] if one not in have or source is sources[0]]
        for key in TABLES:
            if isinstance(data.get(key), dict):
                table = raw.setdefault(key, {})
                counts = "importing" if source.is_imported else "last"
                for name in table.keys() & data[key].keys():
                    findings.note(
                        Parity.SAME,
                        f"{key} {name!r} is in several files; the {counts} one counts.",
                        source.name,
                        source.line(source.data[key], name),
                    )
                table.update(
                    {n: one for n, one in data[key].items() if n not in table}
                    if source.is_imported
                    else data[key]
                )
        for key in OTHERS:
            if key in data and key not in raw:
                raw[key] = data[key]
    return raw


def _check_keys(source: Source, findings: Findings) -> None:
    known = (*LISTS, *TABLES, *OTHERS, *DATA_KEYS)
    for key in source.data:
        if key not in known:
            findings.note(
                Parity.UNSUPPORTED,
                f"the key {key!r} is not known and ignored, as in Rasa.",
                source.name,
                source.line(source.data, key),
                RENAMED.get(key, ""),
            )
    for key in TABLES:
        if source.data.get(key) is not None and not isinstance(source.data[key], Mapping):
            line = source.line(source.data, key)
            findings.wrong(f"`{key}` is no mapping.", source.name, line, "Write `name: ...`.")
    for key in LISTS:
        if source.data.get(key) is not None and not isinstance(source.data[key], list):
            line = source.line(source.data, key)
            findings.wrong(f"`{key}` is no list.", source.name, line, "Write `- name`.")


class _Reader:
    """Knows where each thing stands."""

    def __init__(self, raw: dict[str, Any], sources: Sequence[Source], findings: Findings) -> None:
        self._raw = raw
        self._sources = sources
        self._findings = findings

    def domain(self) -> Domain:
        entities = dict(self._entities())
        intents = dict(self._intents(entities))
        actions = tuple(self._actions())
        forms = {form.name: form for form in self._forms()}
        responses = response_reader.read(self._raw.get("responses") or {}, self._say)
        slots = {slot.name: slot for slot in self._slots(entities, intents)}
        listed = [name for name in actions if name.startswith("validate_")]
        listed += [n for n, options in self._action_options() if options.get("send_domain")]
        self._check_forms(forms, slots)
        return Domain(
            intents=intents,
            entities=frozenset(entities),
            slots={**slots, **_default_slots(slots, forms, actions)},
            responses=responses,
            actions=actions,
            forms=forms,
            session=self._session(),
            actions_with_domain=frozenset(listed),
            store_entities_as_slots=bool(
                (self._raw.get("config") or {}).get("store_entities_as_slots", True)
            ),
            raw=_as_rasa_shows(self._raw),
        )

    def _say(self, what: str, section: str, name: Any, hint: str) -> None:
        """An error about an entry of a section, at its place."""
        path, line = self._place(section, name)
        self._findings.wrong(what, path, line, hint)

    def _place(self, section: str, name: Any) -> tuple[str, int]:
        for source in self._sources:
            entries = source.data.get(section)
            if isinstance(entries, Mapping) and name in entries:
                return source.name, source.line(entries, name)
            for place, entry in enumerate(entries if isinstance(entries, list) else ()):
                if entry == name or (isinstance(entry, Mapping) and name in entry):
                    return source.name, source.line(entries, place)
        return (self._sources[0].name if self._sources else "domain.yml"), 0

    def _named(self, section: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of a list, each a name or a name with options; twice the same is wrong."""
        seen: set[str] = set()
        for entry in self._raw.get(section) or []:
            name = next(iter(entry)) if isinstance(entry, dict) and entry else entry
            options = entry[name] if isinstance(entry, dict) and entry else {}
            if not isinstance(name, str):
                self._say(f"{name!r} is no name.", section, name, "Quote it.")
                continue
            if options is None:
                hint = f"Remove the colon after {name!r}, or write options below it."
                self._say(f"{name!r} in `{section}` has no options.", section, name, hint)
            if name in seen:
                self._say(f"{name!r} is twice in `{section}`.", section, name, "Remove one.")
            seen.add(name)
            yield name, options if isinstance(options, dict) else {}

    def _entities(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self._named("entities")

    def _action_options(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for entry in self._raw.get("actions") or []:
            if isinstance(entry, dict):
                yield from ((name, options or {}) for name, options in entry.items())

    def _actions(self) -> Iterator[str]:
        yield from (name for name, _ in self._named("actions"))

    def _intents(
        self, entities: Mapping[str, dict[str, Any]]
    ) -> Iterator[tuple[str, frozenset[str] | None]]:
        ignored = [n for n, o in entities.items() if o.get("influence_conversation") is False]
        for name, options in self._named("intents"):
            yield name, _counting(options, entities, ignored)
        for name in names.DEFAULT_INTENTS:
            if all(name not in (e if isinstance(e, dict) else [e]) for e in self._intent_list):
                yield name, _counting({}, entities, ignored)

    @property
    def _intent_list(self) -> list[Any]:
        return list(self._raw.get("intents") or [])

    def _slots(self, entities: Mapping[str, Any], intents: Mapping[str, Any]) -> Iterator[Slot]:
        for name, options in (self._raw.get("slots") or {}).items():
            if not isinstance(options, dict):
                self._say(f"slot {name!r} has no type.", "slots", name, "Write `type: text`.")
                continue
            slot = self._slot(str(name), options)
            if slot is not None:
                mapping_reader.check(slot, entities, intents, self._findings, self._place)
                yield slot

    def _slot(self, name: str, options: Mapping[str, Any]) -> Slot | None:
        if not any(letter.isascii() and letter.isalpha() for letter in name):
            hint = "Use at least one letter of the Latin alphabet, as in `order_id`."
            self._say(f"slot name {name!r}.", "slots", name, hint)
        kind = str(options.get("type"))
        if kind not in set(SlotType):
            hint = OLD_TYPES.get(kind) or nearest(
                kind, SlotType, f"Types are: {', '.join(SlotType)}."
            )
            if "." in kind:
                hint = "Slot classes of one's own are not run; use `type: any` or `text`."
            self._say(f"slot {name!r} has the unknown type {kind!r}.", "slots", name, hint)
            return None
        mappings = mapping_reader.read(name, options.get("mappings"), self._say)
        low, high = options.get("min_value", 0.0), options.get("max_value", 1.0)
        if kind == SlotType.FLOAT and low >= high:
            hint = "Make min_value smaller than max_value."
            self._say(f"slot {name!r}: {low} to {high} is no range.", "slots", name, hint)
        values = [str(v).lower() for v in options.get("values") or () if v is not None]
        return Slot(
            name=name,
            type=SlotType(kind),
            mappings=mappings,
            influences=options.get("influence_conversation", kind != SlotType.ANY) is not False,
            initial=options.get("initial_value"),
            values=tuple(values if OTHER in values else [*values, OTHER]),
            minimum=float(low),
            maximum=float(high),
        )

    def _forms(self) -> Iterator[Form]:
        for name, options in (self._raw.get("forms") or {}).items():
            required = options.get("required_slots") if isinstance(options, dict) else None
            if not isinstance(required, list):
                hint = "Write `required_slots: [...]`; mappings belong to the slots."
                if isinstance(options, dict) and options.keys() - FORM_KEYS:  # as in Rasa 2
                    asked = ", ".join(str(slot) for slot in options if slot not in FORM_KEYS)
                    hint = (
                        f"Write `required_slots: [{asked}]`, and move the mappings below them to "
                        "`mappings:` of these slots (the form of Rasa 2 is not read)."
                    )
                self._say(f"form {name!r} has no required_slots.", "forms", name, hint)
                required = []
            ignored = options.get("ignored_intents") if isinstance(options, dict) else None
            yield Form(
                name=str(name),
                required_slots=tuple(str(slot) for slot in required),
                ignored_intents=tuple(mapping_reader.as_list(ignored)),
            )

    def _check_forms(self, forms: Mapping[str, Form], slots: Mapping[str, Slot]) -> None:
        for form in forms.values():
            for name in form.required_slots:
                if name not in slots:
                    path, line = self._place("forms", form.name)
                    self._findings.note(
                        Parity.SAME,
                        f"form {form.name!r} asks for {name!r}, no slot: it asks for ever.",
                        path,
                        line,
                        nearest(name, slots, "Add it under `slots:`."),
                    )

    def _session(self) -> Session:
        config = self._raw.get("session_config") or {}
        minutes = config.get("session_expiration_time")
        return Session(
            expires_after_min=60.0 if minutes is None else float(minutes),
            carry_over_slots=bool(config.get("carry_over_slots_to_new_session", True)),
        )


def _counting(
    options: Mapping[str, Any], entities: Mapping[str, dict[str, Any]], ignored: Sequence[str]
) -> frozenset[str]:
    """The labels of entities that count beside an intent."""
    use = options.get("use_entities", True)
    if use is True:
        included = {name for name in entities if name not in ignored} | {
            label for name in entities for label in _labels(name, entities)
        }
    else:
        listed = mapping_reader.as_list(use)
        included = {*listed, *(label for name in listed for label in _labels(name, entities))}
    excluded = mapping_reader.as_list(options.get("ignore_entities", list(ignored)))
    excluded += [label for name in excluded for label in _labels(name, entities)]
    return frozenset(included) - frozenset(excluded)


def _labels(name: str, entities: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    options = entities.get(name) or {}
    for part in ("roles", "groups"):
        yield from (f"{name}#{label}" for label in options.get(part) or ())


def _default_slots(
    slots: Mapping[str, Slot], forms: Mapping[str, Form], actions: Sequence[str]
) -> dict[str, Slot]:
    wanted: dict[str, SlotType] = {}
    if forms:
        wanted[names.REQUESTED_SLOT] = SlotType.TEXT
    if names.KNOWLEDGE_BASE_ACTION in actions:
        wanted |= dict.fromkeys(names.KNOWLEDGE_BASE_SLOTS, SlotType.TEXT)
    wanted[names.SESSION_METADATA] = SlotType.ANY
    return {
        name: Slot(name=name, type=kind, influences=False)
        for name, kind in wanted.items()
        if name not in slots
    }


def _as_rasa_shows(raw: dict[str, Any]) -> dict[str, Any]:
    """The domain as `GET /domain` and action servers see it: sorted intents, no empty parts."""
    shown = {key: value for key, value in raw.items() if value not in ({}, [], None)}
    shown.setdefault("version", "3.1")
    shown.setdefault(
        "session_config",
        {"session_expiration_time": 60, "carry_over_slots_to_new_session": True},
    )
    if "intents" in shown:
        shown["intents"] = sorted(
            shown["intents"], key=lambda one: next(iter(one)) if isinstance(one, dict) else str(one)
        )
    return shown

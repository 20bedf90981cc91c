"""Reads stories and rules into blocks (6.7, 6.8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bot.dialogue import events, messages, names
from bot.dialogue.domain import Domain
from bot.dialogue.slots import SlotType
from bot.dialogue.stories import START, Block, Checkpoint
from bot.domain import Event
from bot.project.findings import Findings, Parity, nearest
from bot.project.sources import Source, plain
from classifier import errors as classifier_errors
from classifier.entities import annotation

FILLED = "filled"
"""Stands for the value of a text slot that is only said to be set."""
RULE_KEYS = ("rule", "steps", "condition", "conversation_start", "wait_for_user_input", "metadata")
STORY_KEYS = ("story", "steps", "metadata")
STEP_HINT = "Steps are intent, user, action, bot, active_loop, slot_was_set, checkpoint and or."


def read(sources: Sequence[Source], domain: Domain, findings: Findings) -> tuple[Block, ...]:
    """All stories and rules of `sources`; what is wrong goes into `findings`."""
    blocks: list[Block] = []
    for source in sources:
        for key in ("stories", "rules"):
            entries = source.data.get(key) or []
            if not isinstance(entries, list):
                line = source.line(source.data, key)
                findings.wrong(f"`{key}` is no list.", source.name, line, "Write `- story: ...`.")
                continue
            for place, entry in enumerate(entries):
                line = source.line(entries, place)
                reader = _Reader(source, domain, findings, is_rule=key == "rules", line=line)
                blocks += reader.blocks(entry)
    return tuple(blocks)


@dataclass(slots=True)
class _Part:
    """A block that is being read."""

    starts: list[Checkpoint] = field(default_factory=list)
    ends: list[str] = field(default_factory=list)
    steps: list[tuple[Event, ...]] = field(default_factory=list)


class _Reader:
    """Reads one story or rule."""

    def __init__(
        self, source: Source, domain: Domain, findings: Findings, *, is_rule: bool, line: int
    ) -> None:
        self._source = source
        self._domain = domain
        self._findings = findings
        self._is_rule = is_rule
        self._line = line
        self._begin = line
        self._name = ""

    def blocks(self, entry: Any) -> Iterator[Block]:
        kind = "rule" if self._is_rule else "story"
        if not isinstance(entry, dict) or not entry.get(kind):
            self._wrong(f"a {kind} without a name.", f"Start it with `- {kind}: a name`.")
            return
        self._name = str(entry[kind])
        allowed = RULE_KEYS if self._is_rule else STORY_KEYS
        for key in entry.keys() - set(allowed):
            self._wrong(f"{self._name!r} has an unknown key {key!r}.", nearest(key, allowed, ""))
        steps = entry.get("steps")
        if not isinstance(steps, list) or not steps:
            self._note(f"{self._name!r} has no steps and is skipped, as in Rasa.")
            return
        parts = self._parts(entry, steps)
        for part in parts:
            yield Block(
                name=self._name,
                path=self._source.name,
                line=self._begin,
                is_rule=self._is_rule,
                starts=tuple(part.starts or [Checkpoint(name=START)]),
                ends=tuple(part.ends),
                steps=tuple(part.steps),
            )

    def _parts(self, entry: dict[str, Any], steps: list[Any]) -> list[_Part]:
        """The story cut at its checkpoints."""
        parts = [_Part()]
        if self._is_rule:
            for condition in entry.get("condition") or []:
                parts[-1].steps += self._step(condition)
            if not entry.get("conversation_start"):
                parts[-1].steps.append((events.action(names.SNIPPET),))
        for place, step in enumerate(steps):
            self._line = self._source.line(steps, place) or self._line
            if isinstance(step, dict) and "checkpoint" in step:
                self._checkpoint(plain(step), parts)
            else:
                if parts[-1].ends:
                    parts.append(_Part(starts=[Checkpoint(name=n) for n in parts[-1].ends]))
                parts[-1].steps += self._step(step)
        if self._is_rule and entry.get("wait_for_user_input") is False:
            parts[-1].steps.append((events.action(names.SNIPPET),))
        return parts

    def _checkpoint(self, step: dict[str, Any], parts: list[_Part]) -> None:
        name = str(step["checkpoint"])
        if self._is_rule:
            self._wrong(f"rule {self._name!r} has a checkpoint.", "Rules cannot; make it a story.")
            return
        slots = {
            key: value
            for one in step.get("slot_was_set") or []
            for key, value in (one.items() if isinstance(one, dict) else [])
        }
        if parts[-1].steps:
            parts[-1].ends.append(name)
        else:
            parts[-1].starts.append(Checkpoint(name=name, slots=slots))

    def _step(self, written: Any) -> list[tuple[Event, ...]]:
        """What a step says happened; several slots are several steps."""
        step = plain(written)
        if not isinstance(step, dict):
            self._wrong(f"{self._name!r}: {step!r} is no step.", STEP_HINT)
            return []
        if "intent" in step or "user" in step:
            return [(self._user(step),)]
        if "or" in step:
            return [tuple(self._alternatives(step["or"]))]
        if "action" in step:
            return [(self._action(step["action"]),)]
        if "bot" in step:
            self._unsupported("a `bot:` text (end-to-end) is only memorised, never generalised.")
            text = events.make("action", name=None, action_text=str(step["bot"]), policy=None)
            return [(text,)]
        if "slot_was_set" in step:
            return [(event,) for event in self._slots(step["slot_was_set"])]
        if "active_loop" in step:
            return [(self._loop(step["active_loop"]),)]
        if "metadata" not in step:
            self._wrong(f"{self._name!r}: an unknown step {', '.join(map(str, step))}.", STEP_HINT)
        return []

    def _user(self, step: dict[str, Any]) -> Event:
        full = str(step.get("intent") or "").strip().removeprefix("/")
        intent = full.partition("/")[0]
        entities: list[dict[str, Any]] = []
        text: str | None = None
        if "user" in step:
            text, entities = self._spoken(str(step["user"]))
        else:
            entities = [_entity(one) for one in step.get("entities") or []]
        if "intent" not in step:
            self._unsupported("a `user:` text without intent (end-to-end) matches literally only.")
        elif intent not in self._domain.intents:
            hint = nearest(intent, self._domain.intents, "Add it under `intents:` in the domain.")
            self._note(f"{self._name!r}: intent {intent!r} is not in the domain.", hint)
        parse = {"intent": {"name": intent or None, "confidence": 1.0}, "entities": entities}
        return events.make(
            "user",
            text=None if intent else text,
            parse_data=parse,
            input_channel=None,
            said=text,  # for test stories, which check how it is understood,
            retrieval=full if "/" in full else None,  # and which key of a retrieval intent
        )

    def _spoken(self, marked: str) -> tuple[str, list[dict[str, Any]]]:
        stated = messages.read(marked, self._domain)
        if stated is not None:
            return marked.strip(), stated["entities"]
        try:
            read = annotation.read(marked)
        except classifier_errors.DatasetError as cause:
            self._wrong(f"{self._name!r}: {cause}", "")
            return marked, []
        return read.text, [entity.to_wire() for entity in read.entities]

    def _alternatives(self, written: Any) -> Iterator[Event]:
        for one in written if isinstance(written, list) else []:
            if isinstance(one, dict) and "intent" in one:
                yield self._user(one)
            elif isinstance(one, dict) and "slot_was_set" in one:
                yield from self._slots(one["slot_was_set"])
            else:
                self._wrong(f"{self._name!r}: {one!r} within `or`.", "Write intents or slots.")

    def _action(self, name: Any) -> Event:
        if not isinstance(name, str) or not name:
            self._wrong(f"{self._name!r}: an action without name.", "Write `- action: ...`.")
            return events.action(names.LISTEN)
        if name not in self._domain.known_actions:
            missing = "response" if name.startswith(names.UTTER) else "action"
            hint = nearest(
                name, self._domain.known_actions, f"Add it under `{missing}s:` in the domain."
            )
            self._wrong(f"{self._name!r}: the {missing} {name!r} is missing.", hint)
        elif (
            name.startswith(names.UTTER)
            and name not in self._domain.responses
            and not self._domain.is_retrieval(name)
        ):
            self._note(f"{self._name!r}: {name!r} is listed but has no words: it says nothing.")
        return events.action(name)

    def _loop(self, name: Any) -> Event:
        if name is not None and name not in self._domain.loops | self._domain.known_actions:
            hint = nearest(str(name), self._domain.loops, "Add it under `forms:` in the domain.")
            self._wrong(f"{self._name!r}: the form {name!r} is missing.", hint)
        return events.active_loop(None if name is None else str(name))

    def _slots(self, written: Any) -> Iterator[Event]:
        for one in written if isinstance(written, list) else []:
            pairs = one.items() if isinstance(one, dict) else [(one, self._default(one))]
            for name, value in pairs:
                if name not in self._domain.slots:
                    hint = nearest(str(name), self._domain.slots, "Add it under `slots:`.")
                    self._wrong(f"{self._name!r}: the slot {name!r} is missing.", hint)
                yield events.slot(str(name), value)

    def _default(self, name: Any) -> Any:
        slot = self._domain.slots.get(name)
        if slot is None:
            return None
        return {SlotType.TEXT: FILLED, SlotType.LIST: [FILLED]}.get(slot.type)

    def _wrong(self, what: str, hint: str) -> None:
        self._findings.wrong(what, self._source.name, self._line, hint)

    def _note(self, what: str, hint: str = "") -> None:
        self._findings.note(Parity.SAME, what, self._source.name, self._line, hint)

    def _unsupported(self, what: str) -> None:
        self._findings.note(
            Parity.DIFFERS, f"{self._name!r}: {what}", self._source.name, self._line
        )


def _entity(written: Any) -> dict[str, Any]:
    if not isinstance(written, dict):
        return {"entity": str(written), "value": ""}
    found: dict[str, Any] = {}
    for key, value in written.items():
        if key in ("role", "group"):
            found[key] = value
        else:
            found |= {"entity": key, "value": value}
    return {key: value for key, value in found.items() if value is not None}


def circular(blocks: Sequence[Block]) -> Iterator[Block]:
    """Blocks that only lead to each other: no story begins there."""
    reached = {START}
    waiting = [block for block in blocks if not block.is_rule]
    while True:
        entered = [b for b in waiting if any(start.name in reached for start in b.starts)]
        if not entered:
            break
        reached |= {end for block in entered for end in block.ends}
        waiting = [block for block in waiting if block not in entered]
    ended = {end for block in waiting for end in block.ends}
    for block in waiting:
        if any(start.name in ended for start in block.starts):
            yield replace(block, steps=())

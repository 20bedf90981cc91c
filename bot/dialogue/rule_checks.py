"""Finds rules that contradict each other or the stories, and rules that stories do not contain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.dialogue import events, features, names, rules
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.prediction import Prediction, choose
from bot.dialogue.rules import Lookup, RulePolicy
from bot.dialogue.stories import UNPREDICTABLE, Told
from bot.dialogue.tracker import Tracker
from bot.domain import Event

MESSAGES_IN_A_RULE = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with a rule or story, and what to do."""

    told: Told
    what: str
    hint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What came of the check."""

    problems: tuple[Problem, ...]
    lookup: Lookup
    """Without rules that only say to listen where a longer rule goes on."""
    not_in_stories: frozenset[str]


def too_many_messages(told: Iterable[Told]) -> Iterator[Problem]:
    """Rules with more than one message of the visitor."""
    for one in told:
        if sum(event.name == "user" for event in one.events) > MESSAGES_IN_A_RULE:
            yield Problem(
                told=one,
                what=f"rule {one.name!r} has more than one message of the visitor.",
                hint="Rules are no state machine: make it a story.",
            )


def incomplete(told: Sequence[Told], domain: Domain) -> Iterator[Problem]:
    """Rules in which an action does not set what it sets in other rules."""
    slots, loops = _what_actions_set(told, domain)
    for one in told:
        for previous, step, action in _passages(one, domain):
            if previous in (None, names.SNIPPET) or action == names.SNIPPET:
                continue
            missing = slots[previous] - set(step.get(features.SLOTS, {}))
            loop = step.get(features.LOOP, {}).get("name")
            unset = set() if loop in loops[previous] else loops[previous]
            if missing:
                yield _incomplete(one, str(previous), "slots", missing)
            if unset:
                yield _incomplete(one, str(previous), "active_loop", unset | {str(previous)})


def _incomplete(one: Told, action: str, kind: str, missing: Iterable[str]) -> Problem:
    shown = ", ".join(sorted("null" if m == names.NOT_SET else m for m in missing))
    return Problem(
        told=one,
        what=f"rule {one.name!r}: {action!r} does not set {kind} as in other rules: {shown}.",
        hint="Add the step, with null where it is not set, or end with `wait_for_user_input: "
        "false` after this action.",
    )


def _what_actions_set(
    told: Iterable[Told], domain: Domain
) -> tuple[dict[str | None, set[str]], dict[str | None, set[str]]]:
    featured = {slot.name for slot in domain.features}
    slots: dict[str | None, set[str]] = defaultdict(set)
    loops: dict[str | None, set[str]] = defaultdict(set)
    for one in told:
        action: str | None = None
        for event in one.events:
            if event.name == "action":
                action = event.data.get("name")
            elif event.name == "user":
                action = None
            elif action is not None and event.name == "slot" and event.data["name"] in featured:
                slots[action].add(event.data["name"])
            elif action is not None and event.name == "active_loop":
                loops[action].add(event.data["name"])
    return slots, loops


def _passages(
    one: Told, domain: Domain
) -> Iterator[tuple[str | None, features.Features, str | None]]:
    """Each step of a rule with the action before and the one after it."""
    tracker = _empty(domain, len(one.events))
    tracker.extend(one.events)
    states = [*tracker.history.steps, tracker.replayed]
    steps = [features.of(state, domain) for state in states]
    actions = [features.previous_action(step) for step in steps]
    for place, step in enumerate(steps):
        after = actions[place + 1] if place + 1 < len(actions) else names.LISTEN
        yield actions[place], step, after


def contradictions(ruled: RulePolicy, told: Sequence[Told], domain: Domain) -> Checked:
    """Let the rules predict every action of every rule and story, and compare."""
    sources: dict[str, list[tuple[str, str | None]]] = defaultdict(list)
    for one in told:
        if one.is_rule:
            for foreseen in _foreseen(ruled, one, domain):
                if foreseen.source is not None:
                    sources[foreseen.source].append(foreseen.as_source(one))
    lookup = dict(ruled.lookup.rules)
    used: set[str | None] = set()
    problems: list[Problem] = []
    fallback = replace(ruled.fallback, once=False)  # what is seen is what rules say
    shrinking = RulePolicy(Lookup(rules=lookup, unhappy=ruled.lookup.unhappy), fallback)
    for one in told:
        for foreseen in _foreseen(shrinking, one, domain):
            if not one.is_rule and foreseen.action == foreseen.wanted:
                used.add(foreseen.source)
            if foreseen.needs_no_look:
                continue
            if _is_superfluous(foreseen, one, lookup):
                lookup.pop(str(foreseen.source))
                continue
            problems += _contradicting(foreseen, one, sources)
    known = set(sources) | rules.built_in_sources(domain)
    return Checked(
        problems=tuple(problems),
        lookup=Lookup(rules=lookup, unhappy=ruled.lookup.unhappy),
        not_in_stories=frozenset(known - used),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Foreseen:
    """What the rules predict at a point of a story, and what the story says."""

    wanted: str | None
    action: str | None
    source: str | None

    @property
    def needs_no_look(self) -> bool:
        return not self.action or not self.source or self.action == self.wanted

    def as_source(self, one: Told) -> tuple[str, str | None]:
        built_in = str(self.source).startswith((rules.BY_INTENT, rules.BY_LOOP))
        return (str(self.source), self.action) if built_in else (one.name, self.wanted)


def _foreseen(ruled: RulePolicy, one: Told, domain: Domain) -> Iterator[_Foreseen]:
    tracker = _empty(domain, len(one.events))
    unforeseeable = True
    for event in _applied(one, domain):
        if event.name != "action":
            tracker.update(event)
            continue
        name = event.data.get("name")
        if name == names.SNIPPET:
            unforeseeable = True
        elif unforeseeable or event.data.get(UNPREDICTABLE):
            unforeseeable = False
        else:
            action, source = _predicted(ruled, one, tracker, name)
            yield _Foreseen(wanted=name, action=action, source=source)
        tracker.update(event)


def _predicted(
    ruled: RulePolicy, one: Told, tracker: Tracker, wanted: str | None
) -> tuple[str | None, str | None]:
    action, source = _next(ruled, one, tracker)
    loop = tracker.state.loop_name
    if loop is not None and action == loop != wanted:  # as if the form refused the message
        rejected = events.make("action_execution_rejected", name=loop, policy=None, confidence=None)
        tracker.update(rejected)
        return _next(ruled, one, tracker)
    return action, source


def _next(ruled: RulePolicy, one: Told, tracker: Tracker) -> tuple[str | None, str | None]:
    prediction, source = ruled.explained(tracker)
    default = {ruled.fallback.action: ruled.fallback.score} if ruled.fallback.enabled else {}
    if prediction.scores == default and not one.is_rule:
        return None, source
    return _top(prediction, tracker), source


def _top(prediction: Prediction, tracker: Tracker) -> str:
    plain = Tracker("", tracker.domain, tracker.sight)  # nothing is rejected there
    return choose([prediction], plain, tracker.domain).action


def _applied(one: Told, domain: Domain) -> list[Event]:
    tracker = _empty(domain, len(one.events))
    tracker.extend(one.events)
    return [applied.event for applied in tracker.applied]


def _empty(domain: Domain, length: int) -> Tracker:
    return Tracker("", domain, Sight(rule_steps=length + 1))


def _is_superfluous(foreseen: _Foreseen, one: Told, lookup: dict[str, str]) -> bool:
    """A rule that only ends by listening where another rule, and this story, goes on."""
    source = str(foreseen.source)
    if one.is_rule or source.count(features.PREVIOUS) > 1 or foreseen.action != names.LISTEN:
        return False
    return source in lookup and any(
        other.startswith(source[:-2]) and other != source for other in lookup
    )


def _contradicting(
    foreseen: _Foreseen, one: Told, sources: dict[str, list[tuple[str, str | None]]]
) -> Iterator[Problem]:
    others = sorted(
        {
            f"{name!r} ({action!r})"
            for name, action in sources.get(str(foreseen.source), [])
            if action != foreseen.wanted
        }
    )
    if others:
        kind = "rule" if one.is_rule else "story"
        yield Problem(
            told=one,
            what=f"{kind} {one.name!r}: {foreseen.wanted!r} contradicts what is told in "
            f"{', '.join(others)}.",
            hint="Change one of them, or give the rule a condition.",
        )

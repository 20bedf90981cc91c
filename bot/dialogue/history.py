"""The past as policies see it: one step for each action, old ones forgotten.

Rules see every step; stories do not see turns that only rules had to do with (`hide_rule_turn`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.dialogue import features
from bot.dialogue.domain import Domain
from bot.dialogue.features import Features
from bot.dialogue.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What is looked at, and how far back; follows from the trained policies."""

    rule_steps: int = 1
    """Steps of the longest rule."""
    story_steps: int = 0
    """Steps that stories can look back; 0 when nothing is memorised."""
    rule_only_slots: frozenset[str] = frozenset()
    """Slots that no story speaks of."""
    rule_only_loops: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The steps so far, the newest last."""

    steps: tuple[State, ...] = ()
    """The moments before the last actions."""
    story: tuple[Features, ...] = ()
    """The same without what rules did alone, as features."""
    hidden: bool = False
    """Whether the last turn was hidden."""
    story_action: Mapping[str, Any] = field(default_factory=dict)
    """The last action that stories know of."""


def after(history: History, state: State, domain: Domain, sight: Sight, *, hide: bool) -> History:
    """The history once an action is run at `state`; `hide` if only a rule wanted it."""
    steps = (*history.steps, state)[-sight.rule_steps :]
    if not sight.story_steps:
        return History(steps=steps)
    story_action = history.story_action if history.hidden else dict(state.latest_action)
    hidden = history.hidden
    if not state.followup and state.action_name != state.loop_name:
        hidden = hide
    story = history.story
    if not hidden:
        last = story[-1] if story else None
        seen = _as_story(features.of(state, domain), last, story_action, sight)
        story = (*story, seen)[-sight.story_steps :]
    return History(steps=steps, story=story, hidden=hidden, story_action=story_action)


def story_steps(
    history: History, state: State, domain: Domain, sight: Sight
) -> tuple[Features, ...]:
    """The steps of stories up to now, `state` included."""
    return after(history, state, domain, sight, hide=False).story


def _as_story(
    seen: Features, last: Features | None, story_action: Mapping[str, Any], sight: Sight
) -> Features:
    """`seen` as if what only rules know of had not been."""
    slots = {
        name: value
        for name, value in seen.get(features.SLOTS, {}).items()
        if name not in sight.rule_only_slots
    }
    result = {**seen, features.SLOTS: slots}
    if seen.get(features.LOOP, {}).get("name") in sight.rule_only_loops:
        result.pop(features.LOOP)
    if last is not None and features.previous_action(seen) != "action_listen":
        if last.get(features.USER):
            result[features.USER] = last[features.USER]
        else:
            result.pop(features.USER, None)
    if story_action:
        result[features.PREVIOUS] = dict(story_action)
    return {name: part for name, part in result.items() if part}

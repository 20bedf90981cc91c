"""Stories by memory: what was told is done again, nothing is guessed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.dialogue import features, history, names
from bot.dialogue.domain import Domain
from bot.dialogue.features import Features
from bot.dialogue.history import Sight
from bot.dialogue.prediction import Prediction
from bot.dialogue.stories import UNPREDICTABLE, Told
from bot.dialogue.tracker import Tracker
from bot.domain import Event

PRIORITY = 3


class Memoization:
    """Remembers which action followed the last steps of a story."""

    def __init__(
        self, lookup: dict[str, str], *, name: str, look_back: int, augmented: bool, priority: int
    ) -> None:
        """Remember `lookup`.

        Args:
            lookup: from the key of the last steps to the action.
            name: what tracker events call this policy.
            look_back: how many steps make a key; more are never memorised.
            augmented: whether to forget older and older steps until something is remembered.
            priority: among equally confident policies the highest counts.
        """
        self.lookup = lookup
        self._name = name
        self.look_back = look_back
        self._augmented = augmented
        self._priority = priority

    def predict(self, tracker: Tracker) -> Prediction:
        """The remembered action with confidence 1, or nothing."""
        found = self._recall(tracker)
        return Prediction(
            policy=self._name,
            priority=self._priority,
            scores={found: 1.0} if found is not None else {},
        )

    def _recall(self, tracker: Tracker) -> str | None:
        steps = self.steps(tracker)
        found = self.lookup.get(features.key(steps))
        if found is None and self._augmented:
            return self._recall_less(tracker, steps)
        return found

    def steps(self, tracker: Tracker) -> tuple[Features, ...]:
        """The last steps as stories see them, the moment included."""
        state = tracker.replayed
        seen = history.story_steps(tracker.history, state, tracker.domain, tracker.sight)
        kept = [one for one in seen if features.previous_action(one) != names.UNLIKELY_INTENT]
        return tuple(kept[-self.look_back :])

    def _recall_less(self, tracker: Tracker, steps: tuple[Features, ...]) -> str | None:
        """Forget action by action what was before, and see whether it reminds of a story."""
        told = _recent([one.event for one in tracker.applied], self.look_back)
        actions = [place for place, event in enumerate(told) if event.name == "action"]
        for place in actions:
            less = tracker.fresh(told[place:])
            seen = self.steps(less)
            if seen == steps:
                continue
            found = self.lookup.get(features.key(seen))
            if found is not None:
                return found
            steps = seen
        return None


def _recent(applied: Sequence[Event], look_back: int) -> list[Event]:
    """The end of the conversation that holds more than `look_back` actions, from a listen on."""
    actions = 0
    for place in range(len(applied) - 1, -1, -1):
        if applied[place].name == "action":
            actions += 1
            if actions > look_back and applied[place].data.get("name") == names.LISTEN:
                return list(applied[place:])
    return list(applied)


def train(
    stories: Iterable[Told],
    domain: Domain,
    *,
    name: str,
    max_history: int | None,
    augmented: bool,
    priority: int = PRIORITY,
) -> Memoization:
    """Memorise `stories`; steps that were followed by different actions are forgotten."""
    told = [(steps, action) for one in stories for steps, action in examples(one, domain)]
    look_back = max_history or max((len(steps) for steps, _ in told), default=0) + 1
    lookup: dict[str, str] = {}
    ambiguous: set[str] = set()
    for steps, action in told:
        key = features.key(steps[-look_back:])
        if lookup.setdefault(key, action) != action:
            ambiguous.add(key)
    return Memoization(
        {key: action for key, action in lookup.items() if key not in ambiguous},
        name=name,
        look_back=look_back,
        augmented=augmented,
        priority=priority,
    )


def examples(
    told: Told, domain: Domain, *, only_touched: bool = False
) -> list[tuple[list[Features], str]]:
    """For each action of a told conversation that can be foreseen, the steps before it."""
    tracker = Tracker("", domain, Sight(rule_steps=len(told.events) + 1))
    tracker.extend(told.events)
    found: list[tuple[list[Features], str]] = []
    for one in tracker.applied:
        if one.event.name != "action" or one.event.data.get(UNPREDICTABLE):
            continue
        steps = [
            features.of(state, domain, only_touched=only_touched) for state in one.history.steps
        ]
        action = one.event.data.get("name") or one.event.data.get("action_text")
        found.append((steps, str(action)))
    return found

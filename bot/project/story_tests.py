"""Plays test stories (6.10) and says where the bot leaves the path that a story describes.

Actions are predicted, not run: slots and forms go as the story says, as in `rasa test`.
"""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.dialogue import events, names, stories
from bot.dialogue.prediction import Policy, next_action
from bot.dialogue.stories import Block, Told
from bot.dialogue.tracker import Tracker
from bot.domain import Event
from bot.project import sources, story_reader
from bot.project.findings import Findings
from bot.project.project import RasaProject

NOT_OURS = frozenset({"env", "models", "node_modules", "site-packages", "venv"})
"""Folders within a project that others fill."""
Understand = Callable[[str], Awaitable[dict[str, Any]]]
"""From the text of a message to its parse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A point where the bot did otherwise than the story."""

    wanted: str
    got: str
    said: str = ""
    """The message that was understood otherwise; empty for actions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one story."""

    told: Told
    departures: tuple[Departure, ...]

    @property
    def passed(self) -> bool:
        """Whether the bot went all the way."""
        return not self.departures


def read(project: RasaProject) -> tuple[tuple[Told, ...], Findings]:
    """The test stories of a project: `test_*.yml`, in tests/ or in any other folder."""
    findings = Findings()
    paths = [path for path in sources.below(project.root) if _is_test(path, project.root)]
    loaded = [sources.load(path, project.root, findings) for path in paths]
    found = [source for source in loaded if source is not None]
    blocks = story_reader.read(found, project.domain, findings)
    return tuple(told for block in blocks for told in _told(block, project)), findings


def _is_test(path: Path, root: Path) -> bool:
    folders = path.relative_to(root).parts[:-1]
    return path.name.startswith("test_") and NOT_OURS.isdisjoint(folders)


def _told(block: Block, project: RasaProject) -> Iterator[Told]:
    """A story by itself; checkpoints are not followed."""
    for choice in itertools.product(*block.steps):
        happened = tuple(stories.explicit(block, choice, project.domain))
        yield Told(
            name=block.name, is_rule=False, events=happened, path=block.path, line=block.line
        )


async def play(project: RasaProject, told: Told, understand: Understand) -> Outcome:
    """Go along `told` and note where the bot would have left it."""
    tracker = Tracker("test", project.domain, project.trained.sight)
    departures: list[Departure] = []
    begun = False
    for event in told.events:
        if event.name == "user":
            heard, departure = await _hear(event, understand)
            tracker.update(heard)
            departures += [departure] if departure else []
        elif event.name == "action" and begun and not event.data.get(stories.UNPREDICTABLE):
            departures += _act(event, tracker, project.trained.policies)
        else:
            tracker.update(event)
        begun = begun or event.name == "action"
    return Outcome(told=told, departures=tuple(departures))


async def _hear(event: Event, understand: Understand) -> tuple[Event, Departure | None]:
    said = event.data.get("said")
    if not said:
        return event, None
    parse = await understand(str(said))
    heard = events.user(str(said), parse, channel="test", message_id="test")
    full = event.data.get("retrieval")
    wanted, got = _meaning(event, full), _meaning(heard, full and _key(heard))
    if wanted == got:
        return heard, None
    return heard, Departure(wanted=wanted, got=got, said=str(said))


def _meaning(event: Event, full: str | None) -> str:
    """Intent, with its key if the story names one, and entities in one line."""
    found = [f"{e.get('entity')}={e.get('value')}" for e in events.entities_of(event)]
    return " ".join([full or str(events.intent_of(event)), *sorted(found)])


def _key(event: Event) -> str | None:
    """A message's retrieval intent with its key, as `faq/price`; None without one."""
    if event.data.get("retrieval"):
        return str(event.data["retrieval"])
    selected = event.data["parse_data"].get("response_selector") or {}
    chosen = (selected.get(events.intent_of(event)) or {}).get("response") or {}
    return chosen.get("intent_response_key")


def _act(event: Event, tracker: Tracker, policies: Sequence[Policy]) -> list[Departure]:
    wanted = str(event.data.get("name") or event.data.get("action_text"))
    choice = next_action(tracker, tracker.domain, policies)
    loop = tracker.state.loop_name
    if loop is not None and choice.action == loop != wanted:  # as if the form refused the message
        tracker.update(
            events.make("action_execution_rejected", name=loop, policy=None, confidence=None)
        )
        choice = next_action(tracker, tracker.domain, policies)
    for happened in choice.events:
        tracker.update(happened)
    got, ran = choice.action, wanted
    base = wanted.partition("/")[0]
    if base != wanted and tracker.domain.is_retrieval(base):  # as `utter_faq/price`
        ran = base
        heard = tracker.state.latest_message
        got = f"{names.UTTER}{heard and _key(heard)}" if got == base else got
    other = event if event.data.get("action_text") else events.action(ran)
    tracker.update(choice.executed() if choice.action == ran else other)
    return [] if got == wanted else [Departure(wanted=wanted, got=got)]


def texts(told: Sequence[Told]) -> list[str]:
    """What visitors say in these stories."""
    return [str(e.data["said"]) for one in told for e in one.events if e.data.get("said")]

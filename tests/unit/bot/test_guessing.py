"""What stands for TEDPolicy: memory, then words, then what most stories do after the same steps."""

from __future__ import annotations

from typing import Any

import pytest

from bot.dialogue import events, names
from bot.dialogue.doing import Context, Done
from bot.dialogue.prediction import Choice, next_action
from bot.dialogue.responses import DomainResponder
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import Turn
from bot.project.project import RasaProject, examine

DOMAIN = """
version: "3.1"
intents: [greet, great, sad, order, stop, affirm, weird]
entities: [product]
slots:
  product: {type: text, mappings: [{type: from_entity, entity: product}]}
responses:
  utter_hi: [{text: Hi.}]
  utter_good: [{text: Good.}]
  utter_cheer: [{text: Oh.}]
  utter_sure: [{text: Sure?}]
  utter_ask_product: [{text: Which?}]
forms:
  order_form: {required_slots: [product]}
"""
STORIES = """
version: "3.1"
stories:
- story: good
  steps: [{intent: greet}, {action: utter_hi}, {intent: great}, {action: utter_good}]
- story: good again
  steps: [{intent: greet}, {action: utter_hi}, {intent: sad}, {action: utter_cheer},
          {intent: great}, {action: utter_good}]
- story: odd
  steps: [{intent: affirm}, {action: utter_cheer}, {intent: great}, {action: utter_cheer}]
- story: stop
  steps: [{intent: order}, {action: order_form}, {active_loop: order_form},
          {intent: stop}, {action: utter_sure}]
- story: words
  steps: [{user: "my name is joe"}, {bot: "hi joe!"}]
"""
POLICIES = "policies: [{name: TEDPolicy}, {name: RulePolicy}]\n"


class NoActions:
    """A project without actions of its own."""

    async def run(self, action: str, tracker: Tracker) -> Done:
        raise AssertionError(f"{action} is no action here, {tracker.sender}")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> RasaProject:
    root = tmp_path_factory.mktemp("project")
    (root / "data").mkdir()
    files = {"domain.yml": DOMAIN, "data/stories.yml": STORIES, "config.yml": POLICIES}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    found, findings = examine(root, {})
    assert not findings.errors
    return found


def conversation(project: RasaProject) -> Tracker:
    tracker = Tracker("anna", project.domain, project.trained.sight)
    tracker.extend([events.action(names.SESSION_START), events.action(names.LISTEN)])
    return tracker


def hear(tracker: Tracker, intent: str, *, text: str = "", **slots: Any) -> None:
    entities = [{"entity": name, "value": value} for name, value in slots.items()]
    words = text or f"/{intent}"
    parse = {"intent": {"name": intent}, "entities": entities, "text": words}
    tracker.update(events.user(words, parse, channel="rest", message_id="1"))
    tracker.extend(events.slot(name, value) for name, value in slots.items())


def act(project: RasaProject, tracker: Tracker) -> Choice:
    """Do what comes next."""
    choice = next_action(tracker, project.domain, project.trained.policies)
    tracker.extend([*choice.events, choice.executed()])
    return choice


def test_a_story_is_followed_with_certainty(project: RasaProject) -> None:
    tracker = conversation(project)
    hear(tracker, "greet")
    assert [act(project, tracker).action for _ in range(2)] == ["utter_hi", names.LISTEN]
    hear(tracker, "great")
    choice = act(project, tracker)
    assert (choice.action, choice.confidence) == ("utter_good", 1.0)


def test_after_a_detour_most_stories_decide(project: RasaProject) -> None:
    tracker = conversation(project)
    hear(tracker, "weird")
    tracker.extend([events.action("utter_sure"), events.action(names.LISTEN)])
    hear(tracker, "great")
    choice = act(project, tracker)
    assert choice.action == "utter_good"
    assert choice.policy == "TEDPolicy"
    assert 0.5 < choice.confidence < 0.95  # two stories of three
    assert act(project, tracker).action == names.LISTEN


def test_a_slot_that_stories_do_not_mention_is_overlooked(project: RasaProject) -> None:
    tracker = conversation(project)
    hear(tracker, "order", product="shirt")
    tracker.extend([events.action("order_form"), events.make("active_loop", name="order_form")])
    tracker.update(events.action(names.LISTEN))
    hear(tracker, "stop")
    rejected = events.make(
        "action_execution_rejected", name="order_form", policy=None, confidence=None
    )
    tracker.update(rejected)
    assert act(project, tracker).action == "utter_sure"


def test_what_no_story_knows_is_not_guessed(project: RasaProject) -> None:
    tracker = conversation(project)
    hear(tracker, "weird")
    assert act(project, tracker).action == names.DEFAULT_FALLBACK


def test_the_words_of_a_story_are_answered_as_it_says(project: RasaProject) -> None:
    tracker = conversation(project)
    hear(tracker, "weird", text="my name is joe")
    choice = act(project, tracker)
    assert (choice.action, choice.by_text, choice.confidence) == ("hi joe!", True, 1.0)
    assert act(project, tracker).action == names.LISTEN


async def test_what_a_story_says_is_said_and_is_an_action_without_a_name(
    project: RasaProject,
) -> None:
    tracker = conversation(project)
    context = Context(
        domain=project.domain,
        custom=NoActions(),
        responder=DomainResponder(project.domain),
        channel="rest",
    )
    turn = Turn(tracker, context, project.trained.policies)
    parse = {"intent": {"name": "weird"}, "entities": [], "text": "my name is joe"}
    await turn.hear(events.user("my name is joe", parse, channel="rest", message_id="1"))
    said = [event.data["text"] for event in turn.events if event.name == "bot"]
    ran = [
        (event.data.get("name"), event.data.get("action_text"))
        for event in turn.events
        if event.name == "action"
    ]
    assert said == ["hi joe!"]
    assert ran == [(None, "hi joe!"), (names.LISTEN, None)]

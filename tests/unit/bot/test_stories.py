"""Test stories are read, and how one went is told."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from bot import errors
from bot.evaluation import stories
from bot.evaluation.stories import Expected, Played, Story, Went


def read(tmp_path: Path, content: str) -> list[Story]:
    path = tmp_path / "test_x.yml"
    path.write_text(textwrap.dedent(content), encoding="utf-8")
    return stories.read([path], root=tmp_path)


def test_messages_actions_and_slots_are_read(tmp_path: Path) -> None:
    (story,) = read(
        tmp_path,
        """
        version: "3.1"
        stories:
        - story: an order
          steps:
          - user: |
              where is [WS1](order)?
            intent: ask
          - action: order_form
          - active_loop: order_form
          - intent: inform
            entities:
            - order: WS2
          - action: order_form
          - slot_was_set:
            - outcome: shipped
            - requested_slot: null
          - action: utter_done
          - intent: thanks
        """,
    )
    assert (story.name, story.place) == ("an order", "test_x.yml:4")
    assert story.turns == (
        Expected(text="where is WS1?", intent="ask", actions=("order_form",), slots={}),
        Expected(
            text='/inform{"order": "WS2"}',
            intent="inform",
            actions=("order_form", "utter_done"),
            slots={"outcome": "shipped", "requested_slot": None},
        ),
        Expected(text="/thanks", intent="thanks", actions=(), slots={}),
    )


@pytest.mark.parametrize(
    ("content", "line", "problem"),
    [
        ("stories:\n- story: a\n  steps: []\n", 2, "'a' says nothing"),
        ("stories:\n- steps: []\n", 2, "cannot be read"),
        ("stories:\n- story: a\n  steps: 5\n", 2, "cannot be read"),
        ("stories: [\n", 2, "not YAML"),
    ],
)
def test_what_is_no_story_is_told_with_its_line(
    tmp_path: Path, content: str, line: int, problem: str
) -> None:
    with pytest.raises(errors.KnowledgeError, match=problem) as caught:
        read(tmp_path, content)
    assert str(caught.value).startswith(f"test_x.yml:{line}: ")


def went(*actions: str, intent: str | None = "ask", outcome: str | None = "ok") -> Went:
    wanted = Expected(text="x", intent="ask", actions=("a", "b"), slots={"outcome": "ok"})
    return Went(
        expected=wanted, intent=intent, actions=actions, slots={"outcome": outcome}, said=()
    )


def test_the_path_is_left_by_other_actions_or_other_slots() -> None:
    assert went("a", "b").is_on_the_path
    assert not went("a").is_on_the_path
    assert not went("b", "a").is_on_the_path
    assert not went("a", "b", outcome=None).is_on_the_path
    assert went("a", "b", intent="other").is_on_the_path
    assert not went("a", "b", intent="other").is_understood


def test_a_story_may_leave_the_path_and_still_end_right() -> None:
    good, bad = went("a", "b"), went("c")
    story = Story(name="s", place="", turns=())
    assert Played(story=story, turns=(good, good)).left_at is None
    assert Played(story=story, turns=(bad, good)).left_at is bad
    assert Played(story=story, turns=(bad, good)).ended_right
    assert not Played(story=story, turns=(good, bad)).ended_right

"""From a decision to words and buttons: approved texts only, in the language of the visitor."""

from __future__ import annotations

import dataclasses

import pytest

from bot import replies
from bot.domain import BotMessage, Button, Decision, Outcome, Reason, Thresholds
from bot.knowledge.model import Knowledge, Variation
from retrieval.candidate import Candidate, PastAnswer

EN, ZH = {"language": "en"}, {"language": "zh"}
TRACK = Candidate(
    answer=PastAnswer(
        id="track_how",
        lang="en",
        intent="track_parcel",
        questions=("How can I track my parcel?", "tracking"),
        text="First.\n\n  Second\nline.  \n \nThird.",
    ),
    score=1.0,
    cosine=0.9,
    matched="tracking",
)
PAY = dataclasses.replace(
    TRACK, answer=dataclasses.replace(TRACK.answer, id="pay", questions=("Ways to pay?",))
)


def decision(
    outcome: Outcome, actions: tuple[str, ...], answers: tuple[Candidate, ...] = ()
) -> Decision:
    return Decision(
        outcome=outcome,
        reason=Reason.CONFIDENT,
        thresholds=Thresholds(answer=0.8, clarify=0.1, rule=0.7),
        actions=actions,
        answers=answers,
    )


def test_an_answer_is_said_as_it_was_approved_one_message_a_paragraph(starter: Knowledge) -> None:
    said = replies.words(
        decision(Outcome.ANSWER, ("action_answer",), (TRACK,)), starter, EN, "rest"
    )
    assert said == (
        BotMessage(text="First."),
        BotMessage(text="Second\nline."),
        BotMessage(text="Third."),
    )


def test_a_clarification_offers_its_answers_and_none_of_these(starter: Knowledge) -> None:
    asked = decision(Outcome.CLARIFY, ("utter_clarify",), (TRACK, PAY))
    assert replies.words(asked, starter, EN, "rest") == (
        BotMessage(
            text="Did you mean one of these?",
            buttons=(
                Button(title="How can I track my parcel?", payload='/answer{"id":"track_how"}'),
                Button(title="Ways to pay?", payload='/answer{"id":"pay"}'),
                Button(title="None of these", payload="/nlu_fallback"),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("slots", "words"), [(EN, "Did you mean one of these?"), (ZH, "请问您想问的是哪一个？")]
)
def test_a_response_is_said_in_the_language_of_the_visitor(
    starter: Knowledge, slots: dict[str, str], words: str
) -> None:
    asked = decision(Outcome.CLARIFY, ("utter_clarify",), (TRACK,))
    assert replies.words(asked, starter, slots, "rest")[0].text == words


def test_an_action_without_words_says_nothing_of_its_own(starter: Knowledge) -> None:
    called = decision(Outcome.HANDOFF, ("action_handoff", "utter_handoff"))
    said = replies.words(called, starter, EN, "rest")
    assert len(said) == 1
    assert said[0].text.startswith("A person will help you")


def test_buttons_ride_on_the_last_paragraph_of_a_response(starter: Knowledge) -> None:
    button = Button(title="Yes", payload="/affirm")
    variation = Variation(text="One.\n\nTwo.", buttons=(button,))
    changed = dataclasses.replace(starter, responses={"utter_x": (variation,)})
    said = replies.words(decision(Outcome.RESPOND, ("utter_x",)), changed, EN, "rest")
    assert said == (BotMessage(text="One."), BotMessage(text="Two.", buttons=(button,)))


def test_a_variation_of_the_channel_comes_first(starter: Knowledge) -> None:
    variations = (Variation(text="all"), Variation(text="mine", channel="slack"))
    changed = dataclasses.replace(starter, responses={"utter_x": variations})
    respond = decision(Outcome.RESPOND, ("utter_x",))
    assert replies.words(respond, changed, EN, "slack")[0].text == "mine"
    assert replies.words(respond, changed, EN, "rest")[0].text == "all"

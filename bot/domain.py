"""The words of the domain as plain data: Message → Decision → Reply, kept together as a Turn.

Nothing here holds a connection, a channel object or a model (docs/architecture.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from classifier.prediction import IntentPrediction
from retrieval.candidate import Candidate


class Outcome(StrEnum):
    """What the bot does about a message."""

    ANSWER = "answer"
    """It says an approved answer."""
    RESPOND = "respond"
    """A rule says a fixed response (greeting, thanks, ...)."""
    CLARIFY = "clarify"
    """It asks back, with its best guesses as buttons."""
    REFUSE = "refuse"
    """It says politely that it cannot answer."""
    HANDOFF = "handoff"
    """A person is asked to take over."""


class Reason(StrEnum):
    """Why it does so; closed, so that analytics can count."""

    CONFIDENT = "confident"
    COMPOSED = "composed"
    """No single answer fits; each part of the question has one."""
    CHOSEN = "chosen"
    """The visitor pressed the button of this answer."""
    RULE = "rule"
    AMBIGUOUS = "ambiguous"
    """Several answers could be meant."""
    UNSURE = "unsure"
    """One answer is likely, but not likely enough to be said unasked."""
    OUT_OF_SCOPE = "out_of_scope"
    NOTHING_FOUND = "nothing_found"
    ASKED_FOR_PERSON = "asked_for_person"
    REPEATED_FAILURE = "repeated_failure"
    MODEL_DOWN = "model_down"
    DIALOGUE = "dialogue"
    """A rule, story or form of the project led to it."""
    ACTION_FAILED = "action_failed"
    """A custom action could not be run; a person is asked."""


class Language(StrEnum):
    """Languages that Frontdesk speaks."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What a visitor said, cleaned."""

    id: str
    """Ours; 32 hexadecimal digits."""
    channel: str
    """Name of the channel ("rest", "widget", "cli"); never an object."""
    sender: str
    """The channel's name for the visitor; with `channel` it names the conversation."""
    text: str
    """NFC, trimmed, 1 to `limits.max_text_chars` characters; may be a payload ("/...")."""
    external_id: str | None = None
    """The channel's own id of the message; a repeated one gets the same turn."""
    title: str | None = None
    """What the visitor saw on the button, when `text` is its payload."""
    received_at: datetime
    """Aware, UTC."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Sent by the integrator, stored with the user event, never interpreted."""

    def __post_init__(self) -> None:
        if self.received_at.utcoffset() != UTC.utcoffset(None):
            msg = f"received_at must be aware UTC, not {self.received_at!r}"
            raise ValueError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class Button:
    """A choice that the visitor can press; `payload` comes back as a message text."""

    title: str
    payload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMessage:
    """One message to the visitor, before a channel renders it; each part may be missing."""

    text: str = ""
    buttons: tuple[Button, ...] = ()
    """Shown with the text."""
    image: str = ""
    """URL of a picture."""
    attachment: Any = None
    """JSON-ready, as the project's domain gives it."""
    custom: Mapping[str, Any] | None = None
    """JSON-ready, for channels and widgets that understand it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """The limits that a decision was made with, all in 0 to 1."""

    answer: float
    """Answer when the confidence in the best candidate is at least this."""
    clarify: float
    """Below `answer`, ask back when it is at least this; else refuse."""
    rule: float
    """A rule applies when its intent is at least this probable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versions:
    """What the reply was made with; with them the decision can be repeated."""

    classifier: str
    encoder: str
    knowledge: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing that a message asks, and what an approved answer says to it."""

    question: str
    """The words of the visitor."""
    candidate: Candidate
    confidence: float
    """Calibrated probability that it is the right answer to this part, 0 to 1."""
    text: str
    """Sentences of the answer, word for word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """All that was found out about a message before deciding."""

    language: Language
    prediction: IntentPrediction | None
    """None when the classifier is down or the message was a payload."""
    candidates: tuple[Candidate, ...]
    """Best first."""
    confidence: float
    """Calibrated probability that the first candidate is the right answer, 0 to 1."""
    versions: Versions
    models_down: tuple[str, ...] = ()
    """Models that failed or were late."""
    notes: tuple[str, ...] = ()
    """Remarks for people: what was cut, which part was down."""
    parts: tuple[Part, ...] = ()
    """A message that asks several things: what can be said to each; empty if not to each."""

    @property
    def sure(self) -> float:
        """The probability that the best that can be said is right."""
        composed = min((part.confidence for part in self.parts), default=0.0)
        return max(self.confidence, composed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do, and why. Made by `bot.policy`, a pure function."""

    outcome: Outcome
    reason: Reason
    thresholds: Thresholds
    actions: tuple[str, ...]
    """Tracker actions in order: "action_answer", "utter_greet", "action_handoff", ..."""
    answers: tuple[Candidate, ...] = ()
    """ANSWER: the one said, or those that a reply is composed from. CLARIFY: those offered."""
    parts: tuple[Part, ...] = ()
    """What a composed reply is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the visitor gets, with everything that led to it."""

    messages: tuple[BotMessage, ...]
    decision: Decision
    understanding: Understanding


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What the decision may know of the conversation so far; folded from its events."""

    id: str
    """Ours; 32 hexadecimal digits. New conversations get one before they are stored."""
    channel: str
    sender: str
    is_new: bool
    slots: dict[str, Any] = field(default_factory=dict)
    question_before: str = ""
    """The visitor's last question, where the message may lean on it."""
    failures_in_a_row: int = 0
    """How many of the last turns in a row ended in REFUSE or CLARIFY."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message and what came of it, as it stands in the store: the unit of idempotency."""

    id: str
    """Equal to the message's id."""
    conversation_id: str
    message_id: str
    replies: tuple[BotMessage, ...]
    outcome: Outcome
    reasons: dict[str, Any]
    """`bot.reasons.explain(reply)`: JSON-ready, kept for ever with the turn."""
    events: tuple[StoredEvent, ...] = ()


class Verdict(StrEnum):
    """What a visitor thinks of a reply."""

    HELPFUL = "helpful"
    NOT_HELPFUL = "not_helpful"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """A visitor's word on a reply; a later one on the same turn replaces it."""

    turn_id: str
    channel: str
    sender: str
    verdict: Verdict
    comment: str = ""
    given_at: datetime
    """Aware, UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A tracker event in Rasa's form."""

    name: str
    """"user", "bot", "slot", "action", "session_started", ..."""
    timestamp: float
    """Seconds since 1970, UTC."""
    data: dict[str, Any] = field(default_factory=dict)
    """The event's further keys, JSON-ready."""

    def as_dict(self) -> dict[str, Any]:
        """The event as Rasa writes it: one flat object."""
        return {"event": self.name, "timestamp": self.timestamp, **self.data}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with its place in the log."""

    seq: int
    """Grows by time over the whole store; what a client sends back as `Last-Event-ID`."""
    event: Event

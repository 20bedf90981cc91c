"""Shapes of what the gateway answers; OpenAPI is made from them, and fuzzing proves them true."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Answer(BaseModel):
    """An answer that holds exactly this."""

    model_config = ConfigDict(extra="forbid")


class Open(BaseModel):
    """An answer that may hold more, as in Rasa."""

    model_config = ConfigDict(extra="allow")


class Problem(Answer):
    """What is wrong, and the remedy."""

    code: str
    message: str
    hint: str


class Error(Answer):
    """An error of the visitors' API."""

    error: Problem


class RasaError(Answer):
    """An error in the form of Rasa's HTTP API."""

    version: str
    status: Literal["failure"]
    message: str
    reason: str
    details: dict[str, Any]
    help: str | None
    code: int


class Health(Answer):
    """It is alive."""

    status: Literal["ok"]


class Readiness(Open):
    """Whether messages are answered, and what is being done until then."""

    status: str
    knowledge_error: str | None
    training: str | None
    training_error: str | None


class Button(Open):
    """A choice."""

    title: str
    payload: str


class RestReply(Open):
    """A message of the bot in Rasa's form; each part may be missing."""

    recipient_id: str
    text: str | None = None
    buttons: list[Button] | None = None
    image: str | None = None


class Session(Answer):
    """A visitor's session."""

    token: str = Field(description="Send it as `Authorization: Bearer`.")
    conversation_id: str
    expires_in_s: int


class ChatEvent(Answer):
    """A message of a conversation, as its visitor sees it."""

    id: int = Field(description="Grows; `Last-Event-ID` and `reply_id`.")
    sender: Literal["visitor", "bot"] = Field(alias="from")
    text: str
    buttons: list[Button]
    at: str = Field(description="RFC 3339, UTC.")
    client_id: str | None
    outcome: str | None


class ChatTurn(Answer):
    """A message with its replies."""

    turn_id: str
    messages: list[ChatEvent]


class FeedbackKept(Answer):
    """What is kept."""

    reply_id: int
    verdict: Literal["helpful", "not_helpful"]


class Intent(Open):
    """An intent with its probability."""

    name: str | None = None
    confidence: float | None = None


class Parsed(Open):
    """What is understood of a text."""

    text: str
    intent: Intent
    entities: list[dict[str, Any]]
    intent_ranking: list[Intent] | None = None


class Tracker(Open):
    """A conversation as Rasa's tracker."""

    sender_id: str
    slots: dict[str, Any]
    latest_message: dict[str, Any]
    events: list[dict[str, Any]] | None
    paused: bool


class Acted(Answer):
    """A conversation after something was done, and what the bot said."""

    tracker: Tracker
    messages: list[RestReply]


class Score(Answer):
    """How sure it is of an action."""

    action: str
    score: float


class Predicted(Answer):
    """What would be done next."""

    scores: list[Score]
    policy: str | None
    confidence: float | None
    tracker: Tracker


class ModelInUse(Answer):
    """Which model is in use."""

    model_file: str
    model_id: str
    num_active_training_jobs: int


class Version(Answer):
    """Whose API this is."""

    version: str
    minimum_compatible_version: str

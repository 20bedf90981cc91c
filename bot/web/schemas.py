"""Shapes of requests and responses; OpenAPI is made from them. Unknown fields are refused."""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import orjson
import pydantic
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from bot import errors
from bot.domain import Verdict

M = TypeVar("M", bound=BaseModel)


class Body(BaseModel):
    """A request body."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class RestMessage(Body):
    """A message in Rasa's REST form."""

    sender: str = Field(
        "default", min_length=1, max_length=255, description="Names the conversation."
    )
    message: str = Field(description="What the visitor wrote, or a payload such as /greet.")
    metadata: dict[str, Any] | None = Field(None, description="Stored with the message.")
    input_channel: str | None = Field(
        None, max_length=255, description="Accepted for Rasa's sake; stored with the message."
    )
    message_id: str | None = Field(
        None,
        min_length=1,
        max_length=255,
        description="The sender's id of this message; a repeated one gets the same reply.",
    )


class ParseRequest(Body):
    """A text to be understood."""

    text: str = Field(description="The text.")
    message_id: str | None = Field(None, max_length=255, description="Ignored, as in Rasa.")


class SessionRequest(Body):
    """Opens a session; there is nothing to say yet."""


class ChatMessage(Body):
    """A message of the widget."""

    id: str = Field(
        min_length=8, max_length=64, pattern=r"^[A-Za-z0-9_-]+$",
        description="Made by the client; sending it again gives the same turn.",
    )  # fmt: skip
    text: str = Field(description="What the visitor wrote, or the title of the pressed button.")
    payload: str | None = Field(
        None, min_length=1, max_length=1000, description="The payload of the pressed button."
    )


class FeedbackGiven(Body):
    """What a visitor thinks of a reply."""

    reply_id: int = Field(
        gt=0, lt=2**63, description="`id` of the bot's message, as in the answer and the stream."
    )
    verdict: Verdict = Field(strict=False, description="Was it helpful?")
    comment: str = Field("", max_length=1000, description="In the visitor's words.")


class Loose(BaseModel):
    """A body of Rasa's HTTP API: what is unknown is ignored, as there."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)


class IntentRequest(Loose):
    """An intent to be stated."""

    name: str = Field(min_length=1, description="An intent of the domain.")
    entities: dict[str, Any] | list[dict[str, Any]] | None = None


class ActionRequest(Loose):
    """An action to be run."""

    name: str = Field(min_length=1, description="An action of the domain.")
    policy: str | None = None
    confidence: float | None = None


class NotedMessage(Loose):
    """A message to be noted."""

    sender: Literal["user"]
    text: str = Field(min_length=1)
    parse_data: dict[str, Any] | None = Field(None, description="Asked of the model if left out.")


class EventSent(Loose):
    """An event, with what its kind holds."""

    event: str = Field(min_length=1, description="Its kind, such as slot.")
    timestamp: float | None = Field(None, description="Seconds since 1970; now if left out.")


class Answer(Body):
    """One approved answer in one language; checked as a row of an import is."""

    id: str = Field("", max_length=200, description="Named after its first question if empty.")
    lang: str = Field("", description="en or zh; told from the text if empty.")
    questions: list[str] = Field(min_length=1, description="Phrasings that it answers.")
    answer: str = Field(description="What is said, up to 4000 characters.")
    intent: str = Field("", description="The intent that it serves.")
    channel: str = Field("", description="Only for this channel.")
    audience: str = Field("", description="Only for this group.")
    valid_from: str = Field("", description="ISO 8601.")
    valid_until: str = Field("", description="ISO 8601.")
    timezone: str = Field("", description="Of dates without an offset, e.g. Asia/Shanghai.")
    enabled: bool = Field(default=True, description="Whether it may be said.")
    source: str = Field("", description="Where it comes from, for people.")


class Answers(Body):
    """Answers to add or change."""

    answers: list[Answer] = Field(min_length=1, max_length=1000, description="The answers.")
    origin: str = Field("api", min_length=1, max_length=200, description="Names their source.")


class AnswerSearch(Body):
    """A question to the past answers."""

    text: str = Field(min_length=1, description="The question.")
    language: str | None = Field(None, pattern="^(en|zh)$", description="Told from the text.")
    channel: str = Field("", description="As seen on this channel.")
    audience: str = Field("", description="As seen by this group.")
    min_revision: int = Field(0, ge=0, description="The receipt of a write that must be seen.")
    count: int = Field(5, ge=1, le=100, description="How many candidates.")


async def read(request: web.Request, model: type[M]) -> M:
    """The JSON body of `request` as `model`.

    Raises:
        errors.BadRequest: not JSON, not an object, or a field is wrong; says which.
        errors.TooLarge: the body is over the limit.
    """
    if request.content_type != "application/json":
        raise errors.BadRequest(
            f"The content type is {request.content_type!r}.",
            hint="Send 'Content-Type: application/json'.",
        )
    try:
        raw = await request.read()
        data = orjson.loads(raw)
    except web.HTTPRequestEntityTooLarge as cause:
        raise errors.TooLarge(hint="Shorten the message.") from cause
    except orjson.JSONDecodeError as cause:
        raise errors.BadRequest(
            f"The body is not JSON: {cause}.", hint="Send a JSON object in UTF-8."
        ) from cause
    try:
        return model.model_validate(data)
    except pydantic.ValidationError as cause:
        raise errors.BadRequest(explain(cause, model), hint="See /openapi.json.") from cause


def explain(cause: pydantic.ValidationError, model: type[BaseModel]) -> str:
    """What is wrong first, and with which field."""
    first = cause.errors(include_url=False)[0]
    name = ".".join(str(part) for part in first["loc"]) or "the body"
    if first["type"] == "extra_forbidden":
        known = ", ".join(model.model_fields) or "none"
        return f"Unknown field {name!r}; known are {known}."
    if first["type"] == "missing":
        return f"The field {name!r} is missing."
    return f"The field {name!r} is wrong: {first['msg']}."

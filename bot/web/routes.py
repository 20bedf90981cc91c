"""Every route in one table: served by `app`, described by `openapi`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from pydantic import BaseModel

from bot.web import answers, chat, conversations, health, pages, rasa, schemas, webhooks

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path with its handler and what OpenAPI says of it."""

    method: str
    path: str
    handler: Handler
    summary: str
    body: type[BaseModel] | None = None
    produces: str = "application/json"
    success: int = 200
    errors: tuple[int, ...] = ()
    """Statuses that it may answer besides `success`."""
    token: bool = False
    """Needs a visitor's token."""


REFUSALS = (400, 413, 422, 429, 503)
OF_API = (400, 401, 404, 413, 503)
_SENDER = "/conversations/{sender}"


def _api(method: str, path: str, handler: Handler, summary: str) -> Route:
    """A route of Rasa's HTTP API; see docs/rasa-projects.md."""
    return Route(method=method, path=path, handler=handler, summary=summary, errors=OF_API)


RASA_API = (
    _api("GET", f"{_SENDER}/tracker", conversations.show_tracker, "The tracker of a conversation"),
    _api("POST", f"{_SENDER}/tracker/events", conversations.append_events, "Append events"),
    _api("PUT", f"{_SENDER}/tracker/events", conversations.replace_events, "Replace all events"),
    _api("POST", f"{_SENDER}/trigger_intent", conversations.trigger_intent, "State an intent"),
    _api("POST", f"{_SENDER}/execute", conversations.execute, "Run an action"),
    _api("POST", f"{_SENDER}/messages", conversations.add_message, "Note a message"),
    _api("POST", f"{_SENDER}/predict", conversations.predict, "What would be done next"),
    Route(
        method="GET",
        path=f"{_SENDER}/story",
        handler=conversations.story,
        summary="The conversation as a story",
        produces="text/plain",
        errors=OF_API,
    ),
    _api("POST", "/model/predict", conversations.predict_for_events, "What follows these events"),
    _api("GET", "/domain", conversations.domain, "The domain of the project"),
    _api("GET", "/status", conversations.status, "Which model is in use"),
    _api("GET", "/version", conversations.version, "Whose API this is"),
)

ANSWERS_API = (
    Route(
        method="PUT",
        path="/v1/answers",
        handler=answers.put_answers,
        summary="Add or change past answers; the receipt's revision is served",
        body=schemas.Answers,
        errors=(400, 401, 413, 503),
    ),
    Route(
        method="DELETE",
        path="/v1/answers/{id}",
        handler=answers.remove_answer,
        summary="Delete a past answer in all languages",
        errors=OF_API,
    ),
    Route(
        method="POST",
        path="/v1/answers/search",
        handler=answers.search_answers,
        summary="Search the past answers, at least as new as a receipt",
        body=schemas.AnswerSearch,
        errors=OF_API,
    ),
)

ROUTES = (
    Route(
        method="POST",
        path="/webhooks/rest/webhook",
        handler=rasa.rest_webhook,
        summary="Answer a message, in Rasa's REST form",
        body=schemas.RestMessage,
        errors=REFUSALS,
    ),
    Route(
        method="GET",
        path="/webhooks/rest/",
        handler=rasa.rest_health,
        summary="Say that the REST channel is there",
    ),
    Route(
        method="GET",
        path="/webhooks/{channel}/webhook",
        handler=webhooks.handshake,
        summary="Let a vendor prove that this address is ours",
        produces="*/*",
        errors=(400, 401, 404, 413, 429, 503),
    ),
    Route(
        method="POST",
        path="/webhooks/{channel}/webhook",
        handler=webhooks.webhook,
        summary="Take in what a channel's vendor sends",
        produces="*/*",
        errors=(400, 401, 404, 413, 429, 503),
    ),
    Route(
        method="POST",
        path="/model/parse",
        handler=rasa.parse,
        summary="Intents of a text, in Rasa's form",
        body=schemas.ParseRequest,
        errors=REFUSALS,
    ),
    Route(
        method="POST",
        path="/v1/sessions",
        handler=chat.open_session,
        summary="Open a visitor's session",
        body=schemas.SessionRequest,
        success=201,
        errors=(400, 413, 429),
    ),
    Route(
        method="POST",
        path="/v1/messages",
        handler=chat.post_message,
        summary="Send a visitor's message",
        body=schemas.ChatMessage,
        errors=(401, *REFUSALS),
        token=True,
    ),
    Route(
        method="GET",
        path="/v1/events",
        handler=chat.events,
        summary="Follow a conversation as Server-Sent Events",
        produces="text/event-stream",
        errors=(401, 429, 503),
        token=True,
    ),
    Route(
        method="GET",
        path="/",
        handler=pages.demo,
        summary="The demo page",
        produces="text/html",
    ),
    Route(
        method="GET",
        path="/widget.js",
        handler=pages.widget,
        summary="The widget's script",
        produces="text/javascript",
    ),
    Route(
        method="GET",
        path="/assets/{name}",
        handler=pages.asset,
        summary="A static file of the widget",
        produces="*/*",
        errors=(404,),
    ),
    Route(method="GET", path="/healthz", handler=health.healthz, summary="Is the process alive?"),
    Route(
        method="GET",
        path="/readyz",
        handler=health.readyz,
        summary="Are messages answered?",
        errors=(503,),
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=health.metrics,
        summary="Prometheus metrics",
        produces="text/plain",
    ),
    *RASA_API,
    *ANSWERS_API,
)

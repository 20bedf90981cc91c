"""Every route in one table: served by `app`, described by `openapi`."""

from __future__ import annotations

from bot.web import chat, health, pages, rasa, schemas, shapes, webhooks
from bot.web.answer_routes import ANSWERS_API
from bot.web.rasa_routes import RASA_API
from bot.web.route import Access, Query, Route

REFUSALS = (400, 413, 422, 429, 503)
ROUTES = (
    Route(
        method="POST",
        path="/webhooks/rest/webhook",
        handler=rasa.rest_webhook,
        access=Access.EVERYBODY,
        answer=list[shapes.RestReply],
        summary="Answer a message, in Rasa's REST form",
        body=schemas.RestMessage,
        produces=("application/json", "text/event-stream"),
        query=(
            Query(
                name="stream",
                schema={"type": "string"},
                description="`true`: a JSON object a line, as text/event-stream.",
            ),
        ),
        errors=REFUSALS,
    ),
    Route(
        method="GET",
        path="/webhooks/rest/",
        handler=rasa.rest_health,
        access=Access.EVERYBODY,
        answer=shapes.Health,
        summary="Say that the REST channel is there",
    ),
    Route(
        method="GET",
        path="/webhooks/{channel}/webhook",
        handler=webhooks.handshake,
        access=Access.VENDOR,
        summary="Let a vendor prove that this address is ours",
        produces=("*/*",),
        errors=(400, 401, 404, 413, 429, 503),
    ),
    Route(
        method="POST",
        path="/webhooks/{channel}/webhook",
        handler=webhooks.webhook,
        access=Access.VENDOR,
        summary="Take in what a channel's vendor sends",
        produces=("*/*",),
        errors=(400, 401, 404, 413, 429, 503),
    ),
    Route(
        method="POST",
        path="/model/parse",
        handler=rasa.parse,
        access=Access.EVERYBODY,
        answer=shapes.Parsed,
        summary="Intents of a text, in Rasa's form",
        body=schemas.ParseRequest,
        errors=REFUSALS,
    ),
    Route(
        method="POST",
        path="/v1/sessions",
        handler=chat.open_session,
        access=Access.EVERYBODY,
        answer=shapes.Session,
        summary="Open a visitor's session",
        body=schemas.SessionRequest,
        needs_body=False,
        success=201,
        errors=(400, 413, 429),
    ),
    Route(
        method="POST",
        path="/v1/messages",
        handler=chat.post_message,
        access=Access.VISITOR,
        answer=shapes.ChatTurn,
        summary="Send a visitor's message",
        links={
            "rate": {
                "operationId": chat.give_feedback.__name__,
                "requestBody": {
                    "reply_id": "$response.body#/messages/1/id",
                    "verdict": "helpful",
                },
            }
        },
        body=schemas.ChatMessage,
        errors=(401, *REFUSALS),
    ),
    Route(
        method="POST",
        path="/v1/feedback",
        handler=chat.give_feedback,
        access=Access.VISITOR,
        answer=shapes.FeedbackKept,
        summary="Say whether a reply was helpful",
        body=schemas.FeedbackGiven,
        errors=(401, 404, *REFUSALS),
    ),
    Route(
        method="GET",
        path="/v1/events",
        handler=chat.events,
        access=Access.VISITOR,
        summary="Follow a conversation as Server-Sent Events",
        produces=("text/event-stream",),
        errors=(401, 429, 503),
    ),
    Route(
        method="GET",
        path="/",
        handler=pages.demo,
        access=Access.EVERYBODY,
        summary="The demo page",
        produces=("text/html",),
    ),
    Route(
        method="GET",
        path="/widget.js",
        handler=pages.widget,
        access=Access.EVERYBODY,
        summary="The widget's script",
        produces=("text/javascript",),
    ),
    Route(
        method="GET",
        path="/assets/{name}",
        handler=pages.asset,
        access=Access.EVERYBODY,
        summary="A static file of the widget",
        produces=("*/*",),
        errors=(404,),
    ),
    Route(
        method="GET",
        path="/healthz",
        handler=health.healthz,
        access=Access.EVERYBODY,
        summary="Is the process alive?",
        answer=shapes.Health,
    ),
    Route(
        method="GET",
        path="/readyz",
        handler=health.readyz,
        access=Access.EVERYBODY,
        answer=shapes.Readiness,
        summary="Are messages answered?",
        errors=(503,),
    ),
    Route(
        method="GET",
        path="/metrics",
        handler=health.metrics,
        access=Access.EVERYBODY,
        summary="Prometheus metrics",
        produces=("text/plain",),
    ),
    *RASA_API,
    *ANSWERS_API,
)

"""The routes of Rasa's HTTP API; see docs/rasa-projects.md."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from bot.web import conversations, schemas, shapes
from bot.web.route import Access, Handler, Query, Route
from bot.web.schemas import EventSent

OF_API = (400, 401, 404, 413, 422, 503)
_SENDER = "/conversations/{sender}"
_INCLUDE = Query(
    name="include_events",
    schema={"enum": ["NONE", "APPLIED", "AFTER_RESTART", "ALL"]},
    description="Which events the tracker shows.",
)
_UNTIL = Query(
    name="until", schema={"type": "number"}, description="Only what happened before; seconds."
)
_Events = EventSent | Annotated[list[EventSent], Field(min_length=1)]


def _api(
    method: str,
    path: str,
    handler: Handler,
    summary: str,
    *,
    answer: Any,  # noqa: ANN401 - a type
    body: Any = None,  # noqa: ANN401 - a type
    query: tuple[Query, ...] = (),
) -> Route:
    """A route of Rasa's HTTP API; see docs/rasa-projects.md."""
    return Route(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        access=Access.API,
        answer=answer,
        body=body,
        query=query,
        errors=OF_API,
    )


def _of_conversation(
    method: str,
    what: str,
    handler: Handler,
    summary: str,
    *,
    answer: Any,  # noqa: ANN401 - a type
    body: Any = None,  # noqa: ANN401 - a type
    query: tuple[Query, ...] = (_INCLUDE,),
) -> Route:
    path = f"{_SENDER}/{what}"
    return _api(method, path, handler, summary, answer=answer, body=body, query=query)


_OF_CONVERSATIONS = (
    _of_conversation(
        "GET",
        "tracker",
        conversations.show_tracker,
        "The tracker of a conversation",
        answer=shapes.Tracker,
        query=(_INCLUDE, _UNTIL),
    ),
    _of_conversation(
        "POST",
        "tracker/events",
        conversations.append_events,
        "Append events",
        answer=shapes.Tracker,
        body=_Events,
    ),
    _of_conversation(
        "PUT",
        "tracker/events",
        conversations.replace_events,
        "Replace all events",
        answer=shapes.Tracker,
        body=EventSent | list[EventSent],
    ),
    _of_conversation(
        "POST",
        "trigger_intent",
        conversations.trigger_intent,
        "State an intent",
        answer=shapes.Acted,
        body=schemas.IntentRequest,
    ),
    _of_conversation(
        "POST",
        "execute",
        conversations.execute,
        "Run an action",
        answer=shapes.Acted,
        body=schemas.ActionRequest,
    ),
    _of_conversation(
        "POST",
        "messages",
        conversations.add_message,
        "Note a message",
        answer=shapes.Tracker,
        body=schemas.NotedMessage,
    ),
    _of_conversation(
        "POST",
        "predict",
        conversations.predict,
        "What would be done next",
        answer=shapes.Predicted,
    ),
    Route(
        method="GET",
        path=f"{_SENDER}/story",
        handler=conversations.story,
        summary="The conversation as a story",
        access=Access.API,
        produces=("text/plain",),
        errors=OF_API,
    ),
)
RASA_API = (
    *_OF_CONVERSATIONS,
    _api(
        "POST",
        "/model/predict",
        conversations.predict_for_events,
        "What follows these events",
        answer=shapes.Predicted,
        body=list[EventSent],
    ),
    _api(
        "GET", "/domain", conversations.domain, "The domain of the project", answer=dict[str, Any]
    ),
    _api("GET", "/status", conversations.status, "Which model is in use", answer=shapes.ModelInUse),
    Route(
        method="GET",
        path="/version",
        handler=conversations.version,
        summary="Whose API this is",
        access=Access.EVERYBODY,
        answer=shapes.Version,
    ),
)

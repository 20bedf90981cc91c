"""The widget's own API: open a session, send a message, follow the conversation's events."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any

import orjson
from aiohttp import web

from bot import errors, text
from bot import payload as payloads
from bot.domain import Feedback, StoredEvent
from bot.web import schemas, turns
from bot.web.keys import FEED, GATEWAY, METRICS, PARTS, RATES, SESSIONS
from bot.web.middleware import cors_headers

CHANNEL = "widget"
KEEP_ALIVE_S = 15.0
MAX_COMMENT = 1000  # characters, as in the schema
HISTORY = 500  # events that a new stream replays at most
SHOWN = {"user": "visitor", "bot": "bot"}
STREAM_HEADERS = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy must not hold events back
}


async def open_session(request: web.Request) -> web.Response:
    """A new visitor with his token; the server picks the id."""
    if request.can_read_body:
        await schemas.read(request, schemas.SessionRequest)
    sessions = request.app[SESSIONS]
    visitor, token = sessions.open()
    body = {"token": token, "conversation_id": visitor, "expires_in_s": sessions.lifetime_s}
    return web.json_response(body, status=201, headers={"Cache-Control": "no-store"})


async def post_message(request: web.Request) -> web.Response:
    """Answers a message; the same id again gives the same turn."""
    visitor = request.app[SESSIONS].visitor(request.headers.get("Authorization"))
    body = await schemas.read(request, schemas.ChatMessage)
    pressed = body.payload is not None and payloads.read(body.payload) is not None
    turn = await turns.answer(
        request,
        channel=CHANNEL,
        sender=visitor,
        words=body.payload if pressed and body.payload else body.text,
        external_id=body.id,
        title=body.text if pressed else None,
        metadata={"client_id": body.id},
    )
    shown = [_shown(event) for event in turn.events if event.event.name in SHOWN]
    return web.Response(
        body=orjson.dumps({"turn_id": turn.id, "messages": shown}),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def give_feedback(request: web.Request) -> web.Response:
    """Keeps what a visitor thinks of a reply to himself; the last word counts."""
    visitor = request.app[SESSIONS].visitor(request.headers.get("Authorization"))
    body = await schemas.read(request, schemas.FeedbackGiven)
    await request.app[RATES].check("visitor", CHANNEL, visitor)
    turn_id = await request.app[PARTS].store.turn_of(CHANNEL, visitor, body.reply_id)
    if turn_id is None:
        raise errors.NotFound(
            f"There is no reply {body.reply_id} in your conversation.",
            hint="Send the `id` of a message of the bot.",
        )
    given = Feedback(
        turn_id=turn_id,
        channel=CHANNEL,
        sender=visitor,
        verdict=body.verdict,
        comment=text.clean(body.comment, max_chars=MAX_COMMENT) if body.comment else "",
        given_at=datetime.now(UTC),
    )
    if await request.app[GATEWAY].hear(given):
        request.app[METRICS].feedback.labels(CHANNEL, given.verdict.value).inc()
    kept = {"reply_id": body.reply_id, "verdict": given.verdict.value}
    return web.json_response(kept, headers={"Cache-Control": "no-store"})


async def events(request: web.Request) -> web.StreamResponse:
    """Server-Sent Events: first what came after `Last-Event-ID`, or the history, then live."""
    visitor = request.app[SESSIONS].visitor(request.headers.get("Authorization"))
    after = _last_seen(request.headers.get("Last-Event-ID", ""))
    response = web.StreamResponse(headers=STREAM_HEADERS)
    feed = request.app[FEED]
    with feed.listen(visitor) as news:
        response.headers.update(cors_headers(request))
        await response.prepare(request)
        with contextlib.suppress(ConnectionResetError):  # the visitor left
            while not feed.closing:
                news.clear()
                after = await _send_new(request, response, visitor, after)
                try:
                    await asyncio.wait_for(news.wait(), KEEP_ALIVE_S)
                except TimeoutError:
                    await response.write(b": keep-alive\n\n")
    return response


async def _send_new(
    request: web.Request, response: web.StreamResponse, visitor: str, after: int
) -> int:
    """Write the events after `after`; returns the last one's number."""
    store = request.app[PARTS].store
    while found := await store.events_after(CHANNEL, visitor, after=after, limit=HISTORY):
        for stored in found:
            after = stored.seq
            if stored.event.name in SHOWN:
                data = orjson.dumps(_shown(stored)).decode()
                frame = f"id: {stored.seq}\nevent: message\ndata: {data}\n\n"
                await response.write(frame.encode())
    return after


def _shown(stored: StoredEvent) -> dict[str, Any]:
    """An event as the visitor sees it: never an intent, a score or another's words."""
    data = stored.event.data
    metadata = data.get("metadata") or {}
    at = datetime.fromtimestamp(stored.event.timestamp, UTC)
    return {
        "id": stored.seq,
        "from": SHOWN[stored.event.name],
        "text": metadata.get("title") or data.get("text") or "",
        "buttons": (data.get("data") or {}).get("buttons") or [],
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "client_id": metadata.get("client_id"),
        "outcome": metadata.get("outcome"),
    }


def _last_seen(header: str) -> int:
    return int(header) if header.isascii() and header.isdigit() and len(header) < 19 else 0

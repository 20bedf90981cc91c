"""Rasa's REST channel and /model/parse, as Rasa 3.6 speaks them (wire formats, 1 and 5)."""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web

from bot import errors, spoken, text
from bot.domain import Turn
from bot.web import schemas, turns
from bot.web.keys import PARTS

CHANNEL = "rest"
PARSED_INTENTS = 10  # Rasa cuts its ranking here


async def rest_health(_request: web.Request) -> web.Response:
    """Says that the channel is there."""
    return web.json_response({"status": "ok"})


async def rest_webhook(request: web.Request) -> web.StreamResponse:
    """Answers a message with a JSON array of bot messages; newline-delimited with ?stream=true.

    Unlike Rasa, a failure is an error status and not 200 with an empty array: the sender may try
    again and nothing is lost (docs/decisions/0005).
    """
    body = await schemas.read(request, schemas.RestMessage)
    metadata = dict(body.metadata or {})
    if body.input_channel:
        metadata["input_channel"] = text.clean(body.input_channel, max_chars=255)
    turn = await turns.answer(
        request,
        channel=CHANNEL,
        sender=text.clean(body.sender, max_chars=255),
        words=body.message,
        external_id=body.message_id,
        metadata=_clean_metadata(metadata),
    )
    messages = rendered(body.sender, turn)
    if request.query.get("stream") == "true":
        lines = b"".join(orjson.dumps(message) + b"\n" for message in messages)
        return web.Response(body=lines, content_type="text/event-stream")
    return web.Response(body=orjson.dumps(messages), content_type="application/json")


async def parse(request: web.Request) -> web.Response:
    """What is understood of a text: intent, ranking, entities."""
    body = await schemas.read(request, schemas.ParseRequest)
    parts = request.app[PARTS]
    words = text.clean(body.text, max_chars=parts.settings.limits.max_text_chars)
    if parts.box.brain.dialogue is not None:
        return _json(await parts.engine.parsed(words))
    understanding = await parts.engine.parse(words)
    if understanding.prediction is None:
        raise errors.ModelError("The classifier gave no answer in time.", hint="Try again.")
    ranking = [
        {"name": intent.name, "confidence": intent.confidence}
        for intent in understanding.prediction.ranking[:PARSED_INTENTS]
    ]
    return _json({"text": words, "intent": ranking[0], "entities": [], "intent_ranking": ranking})


def rendered(sender: str, turn: Turn) -> list[dict[str, Any]]:
    """The bot messages of a turn as Rasa's REST channel writes them."""
    return [
        {"recipient_id": sender, **part}
        for stored in turn.events
        if stored.event.name == "bot"
        for part in spoken.parts(stored.event.data)
    ]


def _clean_metadata(metadata: dict[str, Any]) -> dict[str, Any]:
    """Metadata as it can be stored: orjson wrote it down once, so it can do so again."""
    try:
        orjson.dumps(metadata)
    except (orjson.JSONEncodeError, RecursionError) as cause:
        raise errors.BadRequest(
            f"The metadata cannot be stored: {cause}.", hint="Send plain JSON values."
        ) from cause
    return metadata


def _json(value: dict[str, Any]) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")

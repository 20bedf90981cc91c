"""From a request to a turn: what all channels of the gateway do alike."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot import text
from bot.domain import Message, Turn
from bot.web.keys import METRICS, PARTS


async def answer(
    request: web.Request,
    *,
    channel: str,
    sender: str,
    words: str,
    external_id: str | None = None,
    title: str | None = None,
    metadata: dict[str, Any] | None = None,
) -> Turn:
    """Clean the text, let the engine answer, count the turn.

    Raises:
        errors.BadText: nothing readable was sent, or too much.
        errors.FrontdeskError: whatever `Engine.answer` raises.
    """
    parts, metrics = request.app[PARTS], request.app[METRICS]
    started = time.perf_counter()
    limit = parts.settings.limits.max_text_chars
    message = Message(
        id=uuid.uuid4().hex,
        channel=channel,
        sender=sender,
        text=text.clean(words, max_chars=limit),
        external_id=external_id,
        title=text.clean(title, max_chars=limit) if title else None,
        received_at=datetime.now(UTC),
        metadata=metadata or {},
    )
    turn = await parts.engine.answer(message)
    metrics.turns.labels(channel, turn.outcome.value, turn.reasons["language"]).inc()
    metrics.turn_time.labels(channel).observe(time.perf_counter() - started)
    return turn

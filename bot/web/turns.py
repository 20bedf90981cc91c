"""From a request to a turn: what all channels of the gateway do alike."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from bot import text
from bot.domain import Message, Turn
from bot.web.keys import GATEWAY, PARTS, RATES


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
    """Clean the text, count against the limits, and let the gateway answer.

    Raises:
        errors.BadText: nothing readable was sent, or too much.
        errors.TooMany: this visitor sends too much.
        errors.FrontdeskError: whatever `Intake.answer` raises.
    """
    limits = request.app[PARTS].settings.limits
    limit = limits.max_text_chars
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
    await request.app[RATES].check("channel", channel)
    await request.app[RATES].check("visitor", channel, sender)
    return await request.app[GATEWAY].intake.answer(message, within_s=limits.answer_within_s)

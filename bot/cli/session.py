"""A bot in this process: store, models and knowledge, made ready for the terminal's commands."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from bot import assembly, text
from bot.assembly import Parts
from bot.cli.progress import Report
from bot.config import Settings
from bot.domain import Message
from bot.training import job
from classifier.methods import Method

CHANNEL = "cli"


@contextlib.asynccontextmanager
async def ready(settings: Settings, on_progress: Report) -> AsyncIterator[Parts]:
    """Parts with a brain; without a model a first one is trained, which takes a minute.

    Raises:
        errors.FrontdeskError: settings, knowledge, models or database cannot be used.
    """
    maker = assembly.BrainMaker(settings)
    knowledge = await asyncio.to_thread(maker.read_knowledge)
    async with assembly.open_parts(settings) as parts:
        if await asyncio.to_thread(maker.lacks_model, knowledge):
            await asyncio.to_thread(job.run, settings, Method.HEAD, on_progress=on_progress)
        parts.box.replace(await asyncio.to_thread(maker.make, knowledge, on_progress=on_progress))
        try:
            yield parts
        finally:
            await maker.close()


def message(raw: str, settings: Settings, *, sender: str, title: str | None = None) -> Message:
    """What was typed, as a message.

    Raises:
        errors.BadText: it is empty or too long.
    """
    return Message(
        id=uuid.uuid4().hex,
        channel=CHANNEL,
        sender=sender,
        text=text.clean(raw, max_chars=settings.limits.max_text_chars),
        title=title,
        received_at=datetime.now(UTC),
    )

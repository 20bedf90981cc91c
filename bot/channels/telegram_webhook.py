"""Tells Telegram at the start which address to call, as Rasa does; `webhook_url` asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import structlog
from aiohttp import web

from bot.channels import outbound, reading
from bot.channels.channel import SendError

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
_log = structlog.get_logger()


class Registration:
    """Lives as long as the application: tries until Telegram has heard it."""

    def __init__(self, method_url: str, wanted: dict[str, Any], *, token: str) -> None:
        """Nothing is called yet.

        Args:
            method_url: of `setWebhook`; it holds the token, so no log may show it.
            wanted: its parameters.
            token: what is hidden in Telegram's words.
        """
        self._method_url = method_url
        self._wanted = wanted
        self._token = token

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """For `cleanup_ctx`."""
        task = asyncio.create_task(self._register(), name="telegram webhook")
        yield
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _register(self) -> None:
        pause_s = FIRST_PAUSE_S
        while (problem := await self._try()) is not None:
            _log.warning(problem, action="webhook_not_set", channel="telegram")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        _log.info("Telegram calls us", action="webhook_set", channel="telegram")

    async def _try(self) -> str | None:
        """Tell it once; what went wrong, or None."""
        try:
            async with outbound.open_session() as http:
                answer = await outbound.call(http, "POST", self._method_url, json=self._wanted)
        except SendError as cause:
            return f"Telegram did not take the webhook: {cause}."
        if answer.json().get("ok") is True:
            return None
        said = reading.string(answer.json().get("description")) or f"HTTP {answer.status}"
        return f"Telegram did not take the webhook: {said.replace(self._token, '***')}."

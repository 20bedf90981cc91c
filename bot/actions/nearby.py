"""An action server that endpoints.yml expects on this machine: that one, or ours in its place.

Rasa's projects name `http://localhost:5055/webhook`, which somebody must start. While nobody
listens there, the project's actions run beside the bot.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress

import structlog
from yarl import URL

from bot.actions.beside import ActionProcess
from bot.actions.client import Answer, Endpoint, Post, again_if_unreached

CONNECTS_WITHIN_S = 0.5
_log = structlog.get_logger()


class Nearby:
    """The server of endpoints.yml while it listens, else the process beside."""

    def __init__(self, endpoint: Endpoint, beside: ActionProcess) -> None:
        """Nothing is started before it is needed."""
        self._endpoint = endpoint
        self._beside = beside
        self._told = False

    async def call(self, post: Post) -> Answer:
        """Make one call.

        Raises:
            errors.ActionError: nobody listens, and ours cannot be started.
            aiohttp.ClientError: the server broke off.
        """
        if await self._is_there():
            return await again_if_unreached(functools.partial(post, self._endpoint))
        return await self._beside.call(post)

    async def refresh(self) -> None:
        """Start ours if nobody listens."""
        if not await self._is_there():
            await self._beside.refresh()

    async def close(self) -> None:
        """Nothing to do: the process beside has an owner."""

    async def _is_there(self) -> bool:
        """Whether somebody listens; a connection on one machine takes well under a millisecond."""
        url = URL(self._endpoint.url)
        try:
            async with asyncio.timeout(CONNECTS_WITHIN_S):
                _, writer = await asyncio.open_connection(url.host, url.port)
        except (OSError, TimeoutError):
            if not self._told:
                self._told = True
                words = f"nobody listens at {url}: the project's actions run beside the bot"
                _log.warning(words, action="actions_beside")
            return False
        writer.close()
        self._told = False
        return True


def is_here(endpoint: Endpoint) -> bool:
    """Whether the server is expected on this machine."""
    host = URL(endpoint.url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

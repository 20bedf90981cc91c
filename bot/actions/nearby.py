"""An action server that endpoints.yml expects nearby: that one, or ours in its place.

Rasa's projects name `http://localhost:5055/webhook`, which somebody must start, or the service of
a compose file, `http://action-server:5055/webhook`. While nobody listens on this machine, or the
service's name is not known, the project's actions run beside the bot.
"""

from __future__ import annotations

import asyncio
import functools
import ipaddress

import structlog
from yarl import URL

from bot.actions.beside import ActionProcess
from bot.actions.client import Answer, Endpoint, Post, again_if_unreached

ANSWERS_WITHIN_S = 0.5
"""To connect, or to look a name up."""
_log = structlog.get_logger()


class Nearby:
    """The server of endpoints.yml while it is there, else the process beside."""

    def __init__(self, endpoint: Endpoint, beside: ActionProcess) -> None:
        """Nothing is started before it is needed."""
        self._endpoint = endpoint
        self._beside = beside
        self._told = False
        self._was_known = False

    async def call(self, action: str, post: Post) -> Answer:
        """Make one call.

        Raises:
            errors.ActionError: nobody listens, and ours cannot be started.
            aiohttp.ClientError: the server broke off.
        """
        if await self._is_there():
            return await again_if_unreached(functools.partial(post, self._endpoint))
        return await self._beside.call(action, post)

    async def refresh(self) -> None:
        """Start ours if nobody listens."""
        if not await self._is_there():
            await self._beside.refresh()

    async def close(self) -> None:
        """Nothing to do: the process beside has an owner."""

    async def _is_there(self) -> bool:
        """Whether to call the named server; asking takes well under a millisecond."""
        url = URL(self._endpoint.url)
        ask = self._listens if is_here(self._endpoint) else self._is_known
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S):
                await ask(url)
        except (OSError, TimeoutError) as cause:
            if not self._told:
                self._told = True
                words = f"nobody listens at {url} ({cause}): the project's actions run beside"
                _log.warning(words, action="actions_beside")
            return False
        self._told = False
        return True

    async def _listens(self, url: URL) -> None:
        _, writer = await asyncio.open_connection(url.host, url.port)
        writer.close()

    async def _is_known(self, url: URL) -> None:
        """A service that was there once may be down now; nothing takes its place then."""
        if self._was_known:
            return
        await asyncio.get_running_loop().getaddrinfo(url.host, url.port)
        self._was_known = True


def is_near(endpoint: Endpoint) -> bool:
    """Whether the server is expected on this machine, or as a service beside it: a bare name."""
    host = URL(endpoint.url).host or ""
    return is_here(endpoint) or not any(letter in host for letter in ".:")


def is_here(endpoint: Endpoint) -> bool:
    """Whether the server is expected on this machine."""
    host = URL(endpoint.url).host or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

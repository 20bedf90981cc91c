"""A vendor's public keys (JWKS): fetched at the start, every day, and when an unknown one is used.

Looking a key up never waits, so that verifying stays pure; the fetching runs beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import jwt
import structlog
from aiohttp import web

from bot.channels import outbound, reading
from bot.channels.channel import SendError

DAY_S = 86_400.0
AGAIN_S = 60.0  # at least so long between two fetches: strangers can name any key
START_S = 10.0  # the start waits at most so long

_log = structlog.get_logger(__name__)


class KeySet:
    """The keys at one address."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keys: dict[str, tuple[jwt.PyJWK, tuple[str, ...]]] = {}
        self._wanted = asyncio.Event()

    def find(self, key_id: object) -> tuple[jwt.PyJWK, tuple[str, ...]] | None:
        """The key and the channels that it is endorsed for; None when it is not known (yet)."""
        found = self._keys.get(key_id) if isinstance(key_id, str) else None
        if found is None:
            self._wanted.set()
        return found

    async def fetch(self, http: aiohttp.ClientSession) -> None:
        """Replace all keys by those that the vendor shows now.

        Raises:
            SendError: it shows none; the earlier ones are kept.
        """
        answer = await outbound.call(http, "GET", self._url)
        answer.expect_success()
        keys = dict(filter(None, map(_read, reading.items(answer.json().get("keys")))))
        if not keys:
            raise SendError("the vendor shows no key")
        self._keys = keys

    async def run(self, _app: web.Application) -> AsyncIterator[None]:
        """As a `cleanup_ctx`: keys are fetched before the first request, then kept fresh."""
        async with aiohttp.ClientSession() as http:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(START_S):
                    await self._try(http)
            task = asyncio.create_task(self._keep(http), name="jwks")
            yield
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep(self, http: aiohttp.ClientSession) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DAY_S if self._keys else AGAIN_S):
                    await self._wanted.wait()
            await self._try(http)
            await asyncio.sleep(AGAIN_S)

    async def _try(self, http: aiohttp.ClientSession) -> None:
        self._wanted.clear()
        try:
            await self.fetch(http)
        except SendError as problem:
            _log.warning("keys_not_fetched", problem=str(problem))


def _read(value: object) -> tuple[str, tuple[jwt.PyJWK, tuple[str, ...]]] | None:
    """One key by its id; None for what is no RSA key."""
    described: dict[str, Any] = dict(reading.mapping(value))
    key_id = described.get("kid")
    endorsed = tuple(map(reading.string, reading.items(described.get("endorsements"))))
    if not isinstance(key_id, str) or described.get("kty") != "RSA":
        return None
    try:
        return key_id, (jwt.PyJWK(described, algorithm="RS256"), endorsed)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None

"""A vendor's access token: fetched by one task at a time, renewed early, thrown away when refused.

At WeChat and WeCom a new token ends the old one, so that two that fetch at once would take each
other's away; all calls of a channel therefore share one `AccessToken`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import aiohttp

from bot.channels import signatures
from bot.channels.channel import SendError

EARLY_S = 300.0  # renewed so long before its end, at most a quarter of its life
_PAUSE_S = 10.0  # between tries to renew a token that still serves

Fetch = Callable[[aiohttp.ClientSession], Awaitable[tuple[str, float]]]
"""Gets a new token and its life in seconds; raises SendError."""


class AccessToken:
    """The token of one account."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0
        self._ends_at = 0.0

    async def get(self, http: aiohttp.ClientSession) -> str:
        """A token that is good now.

        A token that soon ends is renewed by the first who asks; the others go on with it
        meanwhile, and all do when the vendor does not give a new one.

        Raises:
            SendError: there is none, and the vendor gave none.
        """
        if self._good and (self._clock() < self._renew_at or self._lock.locked()):
            return self._token
        async with self._lock:
            if not self._good or self._clock() >= self._renew_at:
                await self._renew(http)
            return self._token

    def refused(self, token: str) -> None:
        """The vendor refused `token`: the next `get` fetches another, once for all who say so."""
        if signatures.same(token, self._token):
            self._ends_at = 0.0

    @property
    def _good(self) -> bool:
        return self._clock() < self._ends_at

    async def _renew(self, http: aiohttp.ClientSession) -> None:
        try:
            token, life_s = await self._fetch(http)
        except SendError:
            if not self._good:
                raise
            self._renew_at = self._clock() + _PAUSE_S
            return
        now = self._clock()
        self._token, self._ends_at = token, now + life_s
        self._renew_at = self._ends_at - min(EARLY_S, life_s / 4)

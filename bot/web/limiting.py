"""Rate limits: how much one visitor, one network address, one channel may send.

Counted in memory, or in Redis for several servers. While Redis does not answer, everybody is let
through and it is asked again only after a pause: the queues are bounded all the same.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError

from bot import config, errors

WITHIN_S = 0.2  # Redis is near, or it is of no use
REST_S = 5.0  # of a Redis that did not answer
_log = structlog.get_logger()


class RateLimits:
    """The limits of the settings."""

    def __init__(self, limits: config.Limits) -> None:
        """Start at zero.

        Raises:
            errors.ConfigError: Redis is asked for and its package is missing.
        """
        address = limits.redis.get_secret_value()
        storage, self.close = _redis(address) if address else (MemoryStorage(), _nothing)
        self._limiter = SlidingWindowCounterRateLimiter(storage)
        self._down_until = 0.0
        self._per_minute = {
            "visitor": limits.visitor_per_minute,
            "address": limits.address_per_minute,
            "channel": limits.channel_per_minute,
        }

    async def check(self, kind: str, *who: str) -> None:
        """Count one request of `who`.

        Args:
            kind: visitor, address or channel.
            who: names him within the kind.

        Raises:
            errors.TooMany: that was one too many; says when there is room again.
        """
        if not self._per_minute[kind] or time.monotonic() < self._down_until:
            return
        item = RateLimitItemPerMinute(self._per_minute[kind], namespace=f"frontdesk-{kind}")
        try:
            if await self._limiter.hit(item, *who):
                return
            stats = await self._limiter.get_window_stats(item, *who)
        except Exception as cause:  # of whichever library talks to Redis
            self._down_until = time.monotonic() + REST_S
            _log.warning(type(cause).__name__, action="rate_limits_down")
            return
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        raise errors.TooMany(f"Too many requests of one {kind}.", retry_after_s=wait_s)


async def _nothing() -> None:
    """There is nothing to be closed."""


def client_address(request: web.Request, trusted_proxies: int) -> str:
    """Whom a request comes from: an IPv4 address, or the /64 of an IPv6 one.

    Of X-Forwarded-For only what our own proxies wrote is believed: the last `trusted_proxies`
    entries. Whatever stands before them, the client may have made up.
    """
    address = request.remote or ""
    if trusted_proxies:
        forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")
        if len(forwarded) >= trusted_proxies and forwarded[-trusted_proxies].strip():
            address = forwarded[-trusted_proxies].strip()
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def _redis(address: str) -> tuple[Storage, Callable[[], Awaitable[None]]]:
    """Counting in Redis, and what closes the connections to it.

    Raises:
        errors.ConfigError: the address is none, or the package is missing.
    """
    try:
        from redis.asyncio import ConnectionPool  # noqa: PLC0415 - an extra
        from redis.asyncio.retry import Retry  # noqa: PLC0415 - an extra
        from redis.backoff import NoBackoff  # noqa: PLC0415 - an extra

        pool: Any = ConnectionPool.from_url(
            address,
            # A Redis that hangs must not hold messages up; its own repetitions take seconds.
            socket_timeout=WITHIN_S,
            socket_connect_timeout=WITHIN_S,
            retry=Retry(NoBackoff(), 0),
        )
        storage = RedisStorage(f"async+{address}", connection_pool=pool, implementation="redispy")
    except (ImportError, ConfigurationError) as cause:
        raise errors.ConfigError(
            "limits.redis needs the package redis.", hint="pip install 'frontdesk[redis]'."
        ) from cause
    except ValueError as cause:  # its words hold the address, and that a password
        raise errors.ConfigError(
            "limits.redis is no address of a Redis.", hint="Write redis://host:6379/0."
        ) from cause
    return storage, pool.disconnect

"""Rate limits: how much one visitor, one network address, one channel may send.

Counted in memory, or in Redis for several servers. A Redis that fails lets everybody through: the
queues are bounded all the same.
"""

from __future__ import annotations

import ipaddress
import math
import time

import structlog
from aiohttp import web
from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from bot import config, errors

_log = structlog.get_logger()


class RateLimits:
    """The limits of the settings."""

    def __init__(self, limits: config.Limits) -> None:
        """Start at zero.

        Raises:
            errors.ConfigError: Redis is asked for and its package is missing.
        """
        self._limiter = SlidingWindowCounterRateLimiter(_storage(limits))
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
        if not self._per_minute[kind]:
            return
        item = RateLimitItemPerMinute(self._per_minute[kind], namespace=f"frontdesk-{kind}")
        try:
            if await self._limiter.hit(item, *who):
                return
            stats = await self._limiter.get_window_stats(item, *who)
        except Exception as cause:  # of whichever library talks to Redis
            _log.warning(type(cause).__name__, action="rate_limits_down")
            return
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        raise errors.TooMany(f"Too many requests of one {kind}.", retry_after_s=wait_s)


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


def _storage(limits: config.Limits) -> Storage:
    address = limits.redis.get_secret_value()
    if not address:
        return MemoryStorage()
    try:
        found = storage_from_string(f"async+{address}", implementation="redispy")
    except ConfigurationError as cause:
        raise errors.ConfigError(
            "limits.redis cannot be used.", hint="Write redis://host:6379/0; pip install redis."
        ) from cause
    if not isinstance(found, Storage):
        raise errors.ConfigError("limits.redis is no Redis.", hint="Write redis://host:6379/0.")
    return found

"""Calls to vendors: deadlines, size limits, no redirects, and never to an address that slipped in.

`call` is for addresses from the settings or from constants. `call_foreign` is for addresses that
came with a message: they must be on a list of hosts, and their names must lead to public addresses.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

import aiohttp
import orjson
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from bot.channels.channel import SendError

TIMEOUT_S = 15.0
MAX_ANSWER_BYTES = 1 << 20
MAX_RETRY_AFTER_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the vendor said, at most `MAX_ANSWER_BYTES` of it."""

    status: int
    headers: Mapping[str, str]
    """Case-insensitive."""
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; an empty one when it is none."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def retry_after_s(self) -> float | None:
        """The header Retry-After in seconds from now, None when there is none that makes sense."""
        return read_retry_after(self.headers.get("Retry-After", ""))

    def expect_success(self) -> None:
        """Raise for a status that is no success.

        Raises:
            SendError: permanent for 4xx but 401, 403 (somebody may mend the token), 408, 425, 429.
        """
        if 200 <= self.status < 300:
            return
        lasting = 400 <= self.status < 500 and self.status not in (401, 403, 408, 425, 429)
        raise SendError(f"HTTP {self.status}", permanent=lasting, retry_after_s=self.retry_after_s)


def open_session() -> aiohttp.ClientSession:
    """A session for calls to vendors: keeps connections, no cookies, no proxies from outside."""
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        connector=aiohttp.TCPConnector(limit=0, limit_per_host=64),
        trust_env=False,
    )


async def call(
    http: aiohttp.ClientSession,
    method: str,
    url: str | URL,
    *,
    json: Any = None,  # noqa: ANN401 - any JSON value
    data: bytes | Mapping[str, str] | aiohttp.FormData | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """One request to a vendor; any status is an answer. Redirects are not followed.

    `json` becomes the body, or `data` does: bytes as they are, or a form. `timeout_s` is for all
    of it, connecting and reading included.

    Raises:
        SendError: nobody answered in time, or too much; the text names no address or token.
    """
    sent = dict(headers or {})
    if json is not None:
        data = orjson.dumps(json)
        sent.setdefault("Content-Type", "application/json")
    try:
        async with http.request(
            method,
            url,
            data=data,
            headers=sent,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        ) as response:
            body = await _read(response)
            return Answer(status=response.status, headers=response.headers.copy(), body=body)
    except TimeoutError as cause:
        raise SendError(f"no answer within {timeout_s:g} s") from cause
    except (aiohttp.ClientError, OSError, ValueError) as cause:
        # The error's own words may hold the address, and the address a token.
        raise SendError(f"not reached: {type(cause).__name__}") from None


async def call_foreign(
    method: str,
    url: str,
    *,
    hosts: Collection[str],
    json: Any = None,  # noqa: ANN401 - any JSON value
    headers: Mapping[str, str] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> Answer:
    """As `call`, to an address that came from outside and must be one of `hosts`.

    Raises:
        SendError: permanent when the address is not allowed; else as in `call`.
    """
    address = check_foreign(url, hosts)
    trusted = origin_of(address) in hosts
    connector = aiohttp.TCPConnector(
        resolver=None if trusted else PublicResolver(), use_dns_cache=False
    )
    async with aiohttp.ClientSession(
        connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    ) as http:
        return await call(http, method, address, json=json, headers=headers, timeout_s=timeout_s)


def check_foreign(url: str, hosts: Collection[str]) -> URL:
    """`url` parsed, if it may be called.

    Args:
        url: from outside.
        hosts: names ("oapi.dingtalk.com": https and port 443 only), name suffixes
            (".botframework.com": anything below), or whole origins ("http://127.0.0.1:9000": an
            operator's own word, allowed as it stands).

    Raises:
        SendError: permanent; it is not allowed.
    """
    try:
        address = URL(url)
        host, port = (address.host or "").lower().rstrip("."), address.port
    except (ValueError, TypeError) as cause:
        raise SendError("the address to answer to is no URL", permanent=True) from cause
    names_somebody = address.user is not None or address.password is not None
    if not host or host.startswith(".") or names_somebody:
        raise SendError("the address to answer to is not allowed", permanent=True)
    if origin_of(address) in hosts:
        return address
    listed = host in hosts or any(
        host.endswith(suffix) for suffix in hosts if suffix.startswith(".")
    )
    if address.scheme != "https" or port != 443 or not listed or _is_address(host):
        raise SendError("the address to answer to is not allowed", permanent=True)
    return address


def origin_of(address: URL) -> str:
    """Scheme, host and port if it is unusual, as browsers write origins."""
    return str(address.origin()) if address.scheme and address.host else ""


def is_public(address: str) -> bool:
    """Whether an IP address lies in the public internet, also behind IPv6's wrappings of IPv4."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]
        if inner is not None:
            found = inner
        elif found in _NAT64:
            found = ipaddress.IPv4Address(found.packed[-4:])
    return found.is_global and not found.is_multicast


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class PublicResolver(AbstractResolver):
    """Resolves once and gives public addresses only; aiohttp connects to what is given here.

    So a name that resolves to something else a moment later (DNS rebinding) changes nothing.
    """

    def __init__(self, names: AbstractResolver | None = None) -> None:
        """Resolve with `names`, by default as the system does."""
        self._names = names or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of `host`.

        Raises:
            OSError: one of them is not public, so none is used.
        """
        found = await self._names.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in found):
            raise OSError(None, "the name leads to an address that is not public")
        return found

    async def close(self) -> None:
        """Nothing is held."""


def read_retry_after(value: str) -> float | None:
    """Seconds from now that a Retry-After header asks for: a number or an HTTP date."""
    value = value.strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, TypeError):
            return None
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_S) if seconds == seconds else None  # noqa: PLR0124 - NaN


def _is_address(host: str) -> bool:
    """Whether `host` is an IP address in any spelling: those bypass the resolver."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.replace(".", "").isdigit() or host.startswith("0x")
    return True


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise SendError("the answer is too large")
        await asyncio.sleep(0)
    return bytes(body)

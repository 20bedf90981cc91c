"""One HTTP call to a vendor, and what its answer means for trying again.

Problems are told without the URL (Telegram's holds the bot's token), without headers and without
what was sent, so that they can be logged and listed.
"""

from __future__ import annotations

import asyncio
import email.utils
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from bot.channels.channel import SendError

TIMEOUT_S = 10.0  # for one call, connecting included
_LARGEST_ANSWER = 256 * 1024  # bytes; vendors' answers are a few hundred
_TEMPORARY = {408, 409, 423, 425, 429}
_UNPRINTABLE = re.compile(r"[^\w .,:;()'/#-]+")
JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorAnswer:
    """What a vendor said, whatever the status."""

    status: int
    headers: Mapping[str, str]
    data: Mapping[str, Any]
    """The JSON object of the body; empty if it was none."""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx; some vendors tell failures in the body nevertheless."""
        return 200 <= self.status < 300


async def call(
    http: aiohttp.ClientSession,
    url: str,
    *,
    vendor: str,
    body: bytes | None = None,
    json: Any = None,  # noqa: ANN401 - any JSON
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    timeout_s: float = TIMEOUT_S,
) -> VendorAnswer:
    """Send one request and read its answer; redirects are not followed.

    `vendor` is named in errors; `json` is sent instead of the raw `body`, whose Content-Type goes
    into `headers`.

    Raises:
        SendError: nobody answered in time; trying again may help.
    """
    sent = dict(headers or {})
    if json is not None:
        body = orjson.dumps(json)
        sent.setdefault("Content-Type", JSON)
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with http.request(
            method, url, data=body, headers=sent, timeout=timeout, allow_redirects=False
        ) as response:
            raw = await _read(response)
            return VendorAnswer(status=response.status, headers=response.headers, data=_object(raw))
    except TimeoutError:
        raise SendError(f"{vendor} did not answer within {timeout_s:g} s.") from None
    except aiohttp.InvalidURL:
        raise SendError(f"The URL to reach {vendor} is not valid.", permanent=True) from None
    except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as cause:
        # The cause's own text may hold the URL; its kind says enough.
        problem = f"{vendor} could not be reached ({type(cause).__name__})."
        raise SendError(problem) from None


def refusal(
    answer: VendorAnswer,
    *,
    vendor: str,
    code: object = "",
    permanent: bool | None = None,
    retry_after_s: float | None = None,
) -> SendError:
    """The error for an answer that is not a yes.

    Args:
        answer: its status and `Retry-After` are told.
        vendor: who answered.
        code: the vendor's own code; no free text that may name a person.
        permanent: what the code says of trying again; by the status if None.
        retry_after_s: if it stands elsewhere than in the header.
    """
    word = _UNPRINTABLE.sub(" ", str(code))[:120].strip()
    named = f", {word}" if word else ""
    if permanent is None:
        temporary = answer.status in _TEMPORARY or answer.status >= 500 or answer.status < 300
        permanent = not temporary
    return SendError(
        f"{vendor} refused: HTTP {answer.status}{named}.",
        permanent=permanent,
        retry_after_s=retry_after(answer) if retry_after_s is None else retry_after_s,
    )


def retry_after(answer: VendorAnswer) -> float | None:
    """Seconds to wait by the `Retry-After` header: a number, or a date; None without one."""
    value = answer.headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        pass
    try:
        at = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, at - time.time())


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        raw += chunk
        if len(raw) > _LARGEST_ANSWER:
            break
    return bytes(raw)


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}

"""What verifiers are made of: one header, an HMAC, a comparison in constant time, a time window.

Everything works on bytes, so that no header and no body, however odd, raises anything but Forged.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from bot import errors
from bot.channels.channel import Request

WINDOW_S = 300  # how far a signed timestamp may be from our clock, as most vendors advise
_LONGEST = 2048  # bytes; no vendor's signature header is nearly as long
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)


def header(request: Request, name: str) -> str:
    """The value of the header `name`, in whatever case the vendor writes it.

    Raises:
        errors.Forged: it is missing, empty or absurdly long.
    """
    value = request.headers.get(name, "")
    if not value or len(value) > _LONGEST:
        raise errors.Forged
    return value


def as_bytes(text: str) -> bytes:
    """`text` in UTF-8; undecodable bytes of a header, kept as lone surrogates, do not raise."""
    return text.encode("utf-8", "surrogatepass")


def hmac_hex(key: bytes, content: bytes, algorithm: str = "sha256") -> str:
    """The HMAC of `content` in lower-case hexadecimal digits."""
    return hmac.new(key, content, algorithm).hexdigest()


def hmac_base64(key: bytes, content: bytes, algorithm: str = "sha256") -> str:
    """The HMAC of `content` in standard base64 with padding."""
    return base64.b64encode(hmac.new(key, content, algorithm).digest()).decode()


def sha256_hex(content: bytes) -> str:
    """The SHA-256 of `content` in lower-case hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def same(given: str, expected: str) -> bool:
    """Whether both are equal, in a time that does not tell where they differ."""
    return hmac.compare_digest(as_bytes(given), as_bytes(expected))


def check(given: str, expected: str) -> None:
    """Compare a signature with the one that is right.

    Raises:
        errors.Forged: they differ, or nothing is expected because no secret is set.
    """
    if not expected or not same(given, expected):
        raise errors.Forged


def check_fresh(stamp: str, now: float, *, window_s: float = WINDOW_S) -> None:
    """Refuse a timestamp that is too far from `now`, in either direction.

    Args:
        stamp: whole seconds since 1970, in decimal digits.
        now: seconds since 1970, UTC.
        window_s: the largest difference that is still accepted.

    Raises:
        errors.Forged: it is too old, too new, or no such number.
    """
    if _SECONDS.fullmatch(stamp) is None or abs(now - int(stamp)) > window_s:
        raise errors.Forged

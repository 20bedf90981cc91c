"""Standard Webhooks: signing and proving requests with keys that can be rotated.

https://github.com/standard-webhooks/standard-webhooks: three headers, and
`HMAC-SHA256("{id}.{timestamp}.{body}")` in base64 behind "v1,".
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field

from bot import errors
from bot.channels import signatures
from bot.channels.channel import Request

PREFIX = "whsec_"
VERSION = "v1"
SHORTEST, LONGEST = 24, 64  # bytes of a key
_MOST_SIGNATURES = 20  # looked at in one header


@dataclass(frozen=True, slots=True)
class Keys:
    """Secrets that are valid now; while one is replaced by another, both."""

    secrets: tuple[bytes, ...] = field(repr=False)
    """At least one; the newest first."""

    @classmethod
    def of(cls, written: Sequence[str]) -> Keys:
        """The keys of secrets as they are written: "whsec_" and base64 of 24 to 64 bytes.

        Raises:
            errors.ConfigError: there is none, or one is no such secret.
        """
        if not written:
            raise errors.ConfigError(
                "No secret is set for signed webhooks.",
                hint="Make one: echo whsec_$(openssl rand -base64 32).",
            )
        return cls(tuple(_key(secret) for secret in written))

    def sign(self, message_id: str, at: float, body: bytes) -> dict[str, str]:
        """The three headers for a request; it is signed with every key.

        Args:
            message_id: the same whenever the same thing is sent again; without "." or space.
            at: seconds since 1970 when it is sent.
            body: exactly as sent.
        """
        stamp = str(int(at))
        content = _content(message_id, stamp, body)
        return {
            "webhook-id": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": " ".join(_signed(key, content) for key in self.secrets),
        }

    def verify(self, request: Request) -> None:
        """Prove that `request` was signed with one of the keys, at most 5 minutes ago.

        Raises:
            errors.Forged: it was not.
        """
        message_id = signatures.header(request, "webhook-id")
        stamp = signatures.header(request, "webhook-timestamp")
        given = signatures.header(request, "webhook-signature")
        signatures.check_fresh(stamp, request.received_at)
        content = _content(message_id, stamp, request.body)
        expected = [signatures.as_bytes(_signed(key, content)) for key in self.secrets]
        parts = given.split(" ")
        if len(parts) > _MOST_SIGNATURES or not all(map(_is_signature, parts)):
            raise errors.Forged  # no list of signatures; or the header came twice
        offered = [signatures.as_bytes(part) for part in parts]
        # All pairs are compared, so that the time does not tell which key matched.
        if not any([hmac.compare_digest(e, o) for e in expected for o in offered]):
            raise errors.Forged


def _content(message_id: str, stamp: str, body: bytes) -> bytes:
    return b".".join([signatures.as_bytes(message_id), stamp.encode(), body])


def _signed(key: bytes, content: bytes) -> str:
    return f"{VERSION}," + signatures.hmac_base64(key, content)


def _is_signature(part: str) -> bool:
    """Whether `part` has the form of a signature: ours in base64, of another version whatever."""
    if part.count(",") != 1:
        return False
    version, encoded = part.split(",")
    if version != VERSION:
        return True
    try:
        return base64.b64encode(base64.b64decode(encoded, validate=True)).decode() == encoded
    except (binascii.Error, ValueError):
        return False


def _key(secret: str) -> bytes:
    hint = "Use whsec_ and the base64 of 24 to 64 random bytes: openssl rand -base64 32."
    encoded = secret.strip().removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError) as cause:
        raise errors.ConfigError("A webhook secret is no base64.", hint=hint) from cause
    if not SHORTEST <= len(key) <= LONGEST:
        raise errors.ConfigError(f"A webhook secret has {len(key)} bytes.", hint=hint)
    return key

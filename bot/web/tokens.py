"""Visitor sessions: the server picks an unguessable id and signs it; nobody can make one up."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

import jwt

from bot import durable, errors

KEY_FILE = "session.key"
ALGORITHM = "HS256"
AUDIENCE = "frontdesk-widget"
KEY_BYTES = 32
SECONDS_A_DAY = 86_400


class Sessions:
    """Gives out and checks the tokens of widget visitors."""

    def __init__(self, key: bytes, *, days: int) -> None:
        """Sign with `key`; tokens live for `days`."""
        self._key = key
        self.lifetime_s = days * SECONDS_A_DAY

    def open(self) -> tuple[str, str]:
        """A new visitor's id (128 random bits, hexadecimal) and token."""
        visitor = secrets.token_hex(16)
        expires = int(time.time()) + self.lifetime_s
        claims = {"sub": visitor, "aud": AUDIENCE, "exp": expires}
        return visitor, jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def visitor(self, authorization: str | None) -> str:
        """The visitor whose token stands in an `Authorization: Bearer` header.

        Raises:
            errors.Unauthorized: none, expired, or not signed by us.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise errors.Unauthorized
        try:
            claims = jwt.decode(
                token.strip(),
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["exp", "aud", "sub"]},
            )
        except jwt.PyJWTError as cause:
            raise errors.Unauthorized("The token is expired or not ours.") from cause
        except (ValueError, UnicodeError) as cause:  # bytes that are no token at all
            raise errors.Unauthorized("The token cannot be read.") from cause
        return str(claims["sub"])


def load_key(data: Path) -> bytes:
    """The signing key of a data folder, made at the first start; readable by its owner only.

    Raises:
        errors.ConfigError: the file does not hold a key; a short one could be guessed.
    """
    path = data / KEY_FILE
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(KEY_BYTES)
        durable.write(path, key, mode=0o600)
    if len(key) != KEY_BYTES:
        raise errors.ConfigError(
            f"The key {str(path)!r} has {len(key)} bytes, not {KEY_BYTES}.",
            hint="Restore it, or delete it: visitors of the widget then begin anew.",
        )
    return key

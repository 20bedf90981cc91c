"""Reads what a verified request holds: JSON and forms in which every value may be odd.

An authentic message is never lost for an oddity in it: what cannot be stored (half a surrogate
pair, NUL, a number of more than 64 bits) is replaced, a value of another type counts as absent.
"""

from __future__ import annotations

import hashlib
import re
import urllib.parse
from collections.abc import Mapping
from typing import Any

import orjson

from bot import errors
from bot.channels.channel import Request

_LONGEST_KEY = 200  # characters
_REPLACEMENT = rb"\ufffd"
# Outside of strings JSON has no backslash, so a scan from escape to escape keeps in step.
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(?P<odd>\\u[dD][89a-fA-F][0-9a-fA-F]{2}|\\u0000)"
    rb"|\\."
)
# A number of 19 digits or more becomes a string: ids keep all their digits.
_NUMBERS = re.compile(
    rb'"(?:[^"\\]|\\.)*"|(?<![0-9.eE+-])(?P<huge>-?[0-9]{19,})(?![0-9.eE])', re.DOTALL
)

# What stands for a message without words. Emoji, because they have no language of their own:
# the bot goes on in the language of the conversation.
PLACEHOLDERS = {
    "image": "🖼️",
    "photo": "🖼️",
    "sticker": "🙂",
    "audio": "🎤",
    "voice": "🎤",
    "video": "🎬",
    "file": "📎",
    "document": "📎",
    "location": "📍",
    "contact": "👤",
    "contacts": "👤",
}
UNREADABLE = "📎"


def placeholder(kind: str) -> str:
    """What stands in `Inbound.text` for a message that has no words, such as a picture."""
    return PLACEHOLDERS.get(kind, UNREADABLE)


def json_object(body: bytes) -> dict[str, Any]:
    """The JSON object that `body` is, cleaned of what cannot be stored.

    Raises:
        errors.BadRequest: it is no JSON object.
    """
    try:
        found = orjson.loads(_cleaned(body))
    except orjson.JSONDecodeError as cause:
        raise errors.BadRequest("The body is no JSON.", hint="Send a JSON object.") from cause
    if not isinstance(found, dict):
        raise errors.BadRequest("The body is no JSON object.", hint="Send a JSON object.")
    return found


def form(body: bytes) -> dict[str, str]:
    """The first value of each field of an `application/x-www-form-urlencoded` body."""
    fields: dict[str, str] = {}
    for name, value in form_pairs(body):
        fields.setdefault(clean(name), clean(value))
    return fields


def form_pairs(body: bytes) -> list[tuple[str, str]]:
    """All fields of a form as they came; bytes that are no UTF-8 become U+FFFD."""
    text = body.decode("utf-8", "replace")
    return urllib.parse.parse_qsl(text, keep_blank_values=True, max_num_fields=None)


def clean(text: str) -> str:
    """`text` without NUL and lone surrogates, which databases refuse."""
    text = text.replace("\x00", "\ufffd")
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def query(request: Request, name: str) -> str:
    """The parameter `name` of the URL, cleaned; empty when it is missing."""
    return clean(request.query.get(name, ""))


def mapping(value: object) -> Mapping[str, Any]:
    """`value` if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[Any]:
    """`value` if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def string(value: object) -> str:
    """`value` if it is a string, the digits of an integer, else empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def key(*parts: str) -> str:
    """A de-duplication key of ids; their hash if they are too long for an index."""
    joined = ":".join(parts)
    if len(joined) <= _LONGEST_KEY:
        return joined
    return "sha256:" + hashlib.sha256(joined.encode("utf-8", "replace")).hexdigest()


def key_of_body(body: bytes) -> str:
    """The key of a message that came without an id: the same bytes are the same message."""
    return "body:" + hashlib.sha256(body).hexdigest()


def _cleaned(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError:
        body = body.decode("utf-8", "replace").encode()
    body = _ESCAPES.sub(lambda m: _REPLACEMENT if m["odd"] else m[0], body)
    return _NUMBERS.sub(lambda m: b'"' + m["huge"] + b'"' if m["huge"] else m[0], body)

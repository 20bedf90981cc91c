"""JSON in text columns: orjson, with the standard library for integers over 64 bit."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

# orjson reads integers over 64 bit as floats and so loses digits; 19 digits may be too many.
_LONG_NUMBER = re.compile(r"\d{19}")


def dump(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """`value` as JSON text.

    Raises:
        TypeError: `value` holds something that JSON cannot say.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def load(stored: str | bytes) -> Any:  # noqa: ANN401 - any JSON value
    """The value that `dump` wrote, each digit kept; some drivers give its bytes."""
    text = stored.decode() if isinstance(stored, bytes) else stored
    return json.loads(text) if _LONG_NUMBER.search(text) else orjson.loads(text)

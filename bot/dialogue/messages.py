"""Messages that state their meaning: `/intent@0.9{"entity": "value"}` (6.9)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bot.dialogue.domain import Domain

_STATED = re.compile(
    r"^/(?P<intent>[^{@]+)(?P<confidence>@[0-9.]+)?(?P<entities>\{.+\})?(?P<rest>.*)"
)
EXTRACTOR = "RegexMessageHandler"


def read(text: str, domain: Domain) -> dict[str, Any] | None:
    """What such a message says, as a parse; None when it is to be understood as words.

    An intent that the domain does not know makes it words; unknown entities and what is no JSON
    are left out.
    """
    stripped = text.strip()
    found = _STATED.match(stripped)
    if found is None:
        return None
    intent = found["intent"].strip()
    if intent not in domain.intents:
        return None
    stated = {"name": intent, "confidence": _confidence(found["confidence"])}
    return {
        "text": stripped,
        "intent": stated,
        "intent_ranking": [stated],
        "entities": list(_entities(found, domain)),
    }


def _confidence(written: str | None) -> float:
    if written is None:
        return 1.0
    try:
        return min(1.0, float(written[1:]))
    except ValueError:
        return 0.0


def _entities(found: re.Match[str], domain: Domain) -> Iterator[dict[str, Any]]:
    try:
        given = json.loads(found["entities"] or "{}")
    except ValueError:
        return
    if not isinstance(given, dict):
        return
    for name, values in given.items():
        if name in domain.entities:
            for value in values if isinstance(values, list) else [values]:
                yield {
                    "entity": name,
                    "value": value,
                    "start": found.start("entities"),
                    "end": found.end("entities"),
                    "extractor": EXTRACTOR,
                }

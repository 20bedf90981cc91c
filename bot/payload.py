"""Payloads: what a pressed button sends instead of words (Rasa wire format, 6.9).

`/answer{"id": "track_how"}` chooses an answer, `/intent_name` states an intent.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import orjson

ANSWER = "answer"
_FORM = re.compile(r"/(?P<name>[\w/-]+)\s*(?P<data>\{.*\})?", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """A name with its values."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def answer_id(self) -> str | None:
        """The answer that was chosen, None for other payloads."""
        chosen = self.data.get("id")
        return chosen if self.name == ANSWER and isinstance(chosen, str) else None


def read(text: str) -> Payload | None:
    """The payload that `text` is; None when it is what a person typed."""
    form = _FORM.fullmatch(text)
    if form is None:
        return None
    try:
        data = orjson.loads(form["data"]) if form["data"] else {}
    except orjson.JSONDecodeError:
        return None
    return Payload(name=form["name"], data=data) if isinstance(data, dict) else None


def choose_answer(answer_id: str) -> str:
    """The payload of a button that chooses this answer."""
    return f"/{ANSWER}{orjson.dumps({'id': answer_id}).decode()}"


def state_intent(intent: str) -> str:
    """The payload of a button that states this intent."""
    return f"/{intent}"

"""Exports of tickets or chats (JSON): the visitor's first question and the agent's best answer.

A conversation is {"id": ..., "messages": [{"role": "user"|"agent", "text": ..., "rating": n}]}. The
best answer is the one with the highest rating, else the one marked as accepted, else the longest
of the agent that follows the question.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from retrieval import errors
from retrieval.readers.rows import RawRow

ASKS = ("user", "customer", "visitor", "requester", "client")
ANSWERS = ("agent", "assistant", "support", "operator", "bot", "human")


def read(path: Path, name: str) -> Iterator[RawRow | errors.CorpusError]:
    """A row for each conversation that has a question and an answer."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        talks = found if isinstance(found, list) else found["conversations"]
        if not isinstance(talks, list):
            raise TypeError("conversations is no list")  # noqa: TRY301 - one message for all
    except (ValueError, KeyError, TypeError) as cause:
        yield errors.CorpusError(
            f"no list of conversations: {cause}.",
            path=name,
            hint='Write [{"id": "1", "messages": [{"role": "user", "text": "..."}, ...]}].',
        )
        return
    for number, talk in enumerate(talks, start=1):
        yield from _row(talk, number, name)


def _row(talk: Any, number: int, name: str) -> Iterator[RawRow | errors.CorpusError]:  # noqa: ANN401
    place = f"conversation {number}"
    try:
        messages = [(str(m["role"]).lower(), str(m["text"]).strip(), m) for m in talk["messages"]]
    except (KeyError, TypeError) as cause:
        yield errors.CorpusError(
            f"{place}: no messages with role and text: {cause!r}.",
            path=name,
            line=number,
            hint="Give each message a role (user or agent) and a text.",
        )
        return
    asked = next((i for i, (role, text, _) in enumerate(messages) if role in ASKS and text), None)
    if asked is None:
        return
    said = [(text, m) for role, text, m in messages[asked + 1 :] if role in ANSWERS and text]
    if said:
        cells = {
            "id": f"chat-{talk['id']}" if talk.get("id") else "",
            "questions": messages[asked][1].replace("|", "/"),
            "answer": _best(said),
            "lang": str(talk.get("lang") or ""),
            "channel": "",
        }
        yield RawRow(place=place, line=number, cells=cells)


def _best(said: Sequence[tuple[str, Mapping[str, Any]]]) -> str:
    def rank(item: tuple[str, Mapping[str, Any]]) -> tuple[float, bool, int]:
        text, message = item
        rating = message.get("rating")
        number = float(rating) if isinstance(rating, int | float) else 0.0
        return number, bool(message.get("accepted")), len(text)

    return max(said, key=rank)[0]

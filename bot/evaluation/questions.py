"""The evaluation questions of a project: read, checked, and guarded by a hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bot import errors
from bot.domain import Language

HASH_FILE = "SHA256SUMS"
INTENT_PREFIX = "intent:"  # "intent:greet" expects the rule of that intent instead of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question, and what would be right to say."""

    id: str
    text: str
    language: Language
    expected: frozenset[str]
    """Ids of right answers, or "intent:..."; empty when it should not be answered."""
    before: str = ""
    """The visitor's question before it."""
    needs_all: bool = False
    """It asks several things: right is only what answers all of them."""


def read(folder: Path, part: str) -> tuple[Question, ...]:
    """The questions of `part` ("dev" or "test") in all languages.

    Raises:
        errors.KnowledgeError: a file is missing, broken, or not the frozen one.
    """
    questions: list[Question] = []
    for language in Language:
        path = folder / f"{part}.{language.value}.jsonl"
        if path.is_file():
            _check_hash(path)
            for line, row in enumerate(path.read_bytes().splitlines(), start=1):
                questions.append(_question(row, language, path, line))
    if not questions:
        raise errors.KnowledgeError(
            f"no questions {part}.*.jsonl.",
            path=str(folder),
            hint="Name another part, or write questions as knowledge/eval/README.md tells.",
        )
    return tuple(questions)


def _check_hash(path: Path) -> None:
    sums = path.parent / HASH_FILE
    if not sums.is_file():
        return
    lines = sums.read_text(encoding="utf-8").splitlines()
    frozen = {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if path.name in frozen and frozen[path.name] != found:
        raise errors.KnowledgeError(
            "was changed after it was frozen.",
            path=str(path),
            hint=f"Restore it, or freeze it anew in {HASH_FILE} and say so in the changelog.",
        )


def _question(row: bytes, language: Language, path: Path, line: int) -> Question:
    try:
        data: dict[str, Any] = orjson.loads(row)
        right = [data["answer"], *data.get("also", [])] if data["answer"] else []
        return Question(
            id=data["id"],
            text=data["text"],
            language=language,
            expected=frozenset(right),
            before=data.get("before", ""),
            needs_all=data.get("all", False),
        )
    except (orjson.JSONDecodeError, KeyError, TypeError) as cause:
        raise errors.KnowledgeError(
            f"no question: {cause}.",
            path=str(path),
            line=line,
            hint='Write {"id": "...", "text": "...", "answer": "..." or null}.',
        ) from cause

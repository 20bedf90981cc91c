"""What reading a project brings to light: errors that forbid to serve, and notes for the report."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from bot import errors


class Parity(StrEnum):
    """How something of a Rasa project runs here."""

    SAME = "same"
    DIFFERS = "differs"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line of the parity report."""

    parity: Parity
    what: str
    path: str = ""
    line: int = 0
    """1-based; 0 when the whole file is meant."""
    hint: str = ""


@dataclass(slots=True)
class Findings:
    """Collected while reading, so that all of it can be told at once."""

    errors: list[errors.KnowledgeError] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def wrong(self, what: str, path: str, line: int, hint: str) -> None:
        """An error; the project must not serve."""
        self.errors.append(errors.KnowledgeError(what, path=path, line=line, hint=hint))

    def note(
        self, parity: Parity, what: str, path: str = "", line: int = 0, hint: str = ""
    ) -> None:
        """Something that is worth telling."""
        self.notes.append(Note(parity=parity, what=what, path=path, line=line, hint=hint))


def nearest(word: str, known: Iterable[str], otherwise: str) -> str:
    """A hint that names what was perhaps meant, else `otherwise`."""
    near = difflib.get_close_matches(word, [str(one) for one in known], n=1)
    return f"Did you mean {near[0]!r}?" if near else otherwise

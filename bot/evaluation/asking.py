"""Which collection is evaluated, with which evidence. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Mode(StrEnum):
    """Which evidence ranks."""

    DENSE = "dense"
    LEXICAL = "lexical"
    HYBRID = "hybrid"
    RERANK = "rerank"
    """Hybrid, and the best candidates read again by a trained reranker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What is evaluated and how."""

    folder: Path
    encoder: str
    mode: Mode

"""A Rasa project folder as knowledge: its examples are trained on, its dialogue is run."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from bot.knowledge.model import Knowledge
from bot.project import project as rasa_project
from retrieval import corpus

PATTERNS = ("*.y*ml", "domain/**/*.y*ml", "data/**/*.y*ml", "nlu/**/*.y*ml", "answers/*")


def read(root: Path, variables: Mapping[str, str]) -> Knowledge:
    """The Rasa project in `root`.

    Raises:
        errors.KnowledgeError: the first thing that is wrong, with file, line and remedy.
    """
    found = rasa_project.read(root, variables)
    answers = corpus.read_folder(root / "answers", root=root) if _has_answers(root) else ()
    return Knowledge(
        intents=tuple(found.domain.intents),
        responses={},
        rules={},
        answers=answers,
        examples=found.examples,
        revision=_revision(root, found.imported),
        dialogue=found,
    )


def _has_answers(root: Path) -> bool:
    return (root / "answers").is_dir()


def _revision(root: Path, imported: Iterable[Path]) -> str:
    """A hash over all files that the project is read from."""
    digest = hashlib.sha256()
    paths = [path for pattern in PATTERNS for path in sorted(root.glob(pattern)) if path.is_file()]
    for path in (*paths, *imported):
        digest.update(os.path.relpath(path, root).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]

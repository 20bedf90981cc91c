"""The project's answers and the imported ones as one `Knowledge`; both stand in the database."""

from __future__ import annotations

import contextlib
from pathlib import Path

from bot.config import Settings
from bot.knowledge import reader
from bot.knowledge.model import Knowledge
from bot.store.answers import FILE_NAME, PROJECT, AnswerBook


def book_path(settings: Settings) -> Path:
    """Where the answers database lies."""
    return settings.data / FILE_NAME


def read(settings: Settings) -> Knowledge:
    """The project folder as it is now, and what was imported into the answers database.

    The project's answers are synced into that database; they win over imported ones of the same
    id and language.

    Raises:
        errors.KnowledgeError: something in the project folder is broken.
        errors.StoreError: the answers database cannot be used.
    """
    knowledge = reader.read(settings.project)
    with contextlib.closing(AnswerBook(book_path(settings))) as book:
        book.sync(knowledge.answers, origin=PROJECT)
        return knowledge.with_answers(book.answers())

"""The project's answers and the imported ones; both stand in the answers database."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

from bot.config import Settings
from bot.knowledge import reader
from bot.knowledge.model import Knowledge
from bot.store.answers import FILE_NAME, PROJECT, AnswerBook

POSTGRESQL = "postgresql"


def place(settings: Settings) -> Path | str:
    """Where the answers database lies: in PostgreSQL with the conversations, else in a file."""
    if settings.database.startswith(POSTGRESQL):
        return settings.database
    return settings.data / FILE_NAME


def open_book(settings: Settings) -> AnswerBook:
    """The answers database.

    Raises:
        errors.StoreError: it cannot be used.
    """
    return AnswerBook(place(settings))


def read(settings: Settings) -> Knowledge:
    """As `read_into`, for whoever needs the database no further."""
    with contextlib.closing(open_book(settings)) as book:
        return read_into(book, settings)


def read_into(book: AnswerBook, settings: Settings) -> Knowledge:
    """The project folder as it is now, after its answers were synced into the database.

    Raises:
        errors.KnowledgeError: something in the project folder is broken.
        errors.StoreError: the answers database cannot be used.
    """
    knowledge = reader.read(settings.project)
    keep_own(book, knowledge)
    return knowledge.beside(book.languages())


def read_all(settings: Settings) -> Knowledge:
    """As `read`, with the imported answers among the answers, for whoever learns from them."""
    with contextlib.closing(open_book(settings)) as book:
        knowledge = read_into(book, settings)
        entries = book.changes_since(0).entries
    answers = tuple(answer for variants in entries.values() for answer in variants)
    return replace(knowledge, answers=answers)


def keep_own(book: AnswerBook, knowledge: Knowledge) -> None:
    """Let the project's answers win over imported ones of the same id and language."""
    book.sync(knowledge.answers, origin=PROJECT)

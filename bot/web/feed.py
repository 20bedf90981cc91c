"""Wakes the open event streams of a visitor when something new was stored for him."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Feed:
    """Who listens to which visitor. It carries no data: listeners read the store."""

    def __init__(self) -> None:
        """Nobody listens yet."""
        self._listeners: dict[str, set[asyncio.Event]] = {}
        self.closing = False

    @contextlib.contextmanager
    def listen(self, visitor: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever there is something new for `visitor`."""
        news = asyncio.Event()
        self._listeners.setdefault(visitor, set()).add(news)
        try:
            yield news
        finally:
            self._listeners[visitor].discard(news)
            if not self._listeners[visitor]:
                del self._listeners[visitor]

    def wake(self, visitor: str) -> None:
        """Something new was stored for `visitor`."""
        for news in self._listeners.get(visitor, ()):
            news.set()

    def close(self) -> None:
        """End all streams: the server is shutting down."""
        self.closing = True
        for listeners in self._listeners.values():
            for news in listeners:
                news.set()

    def __len__(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._listeners.values()))

"""How long a new message would wait, guessed from what is in hand and how long answering takes."""

from __future__ import annotations

from bot import errors

WEIGHT = 0.03  # of the newest answer: about the last 30 count


class Load:
    """Refuses callers who would wait too long: quickly, so that they can go elsewhere.

    With `places` messages answered side by side, each for `s` seconds, `places / s` are answered
    a second (Little's law). The time between two answers would tell less: they end in groups.
    """

    def __init__(self, max_wait_s: float, places: int) -> None:
        """Nothing is known yet, so nobody is refused."""
        self._max_wait_s = max_wait_s
        self._places = places
        self._takes_s = 0.0

    def finished(self, took_s: float) -> None:
        """A message was answered, so long after its turn had come."""
        weight = WEIGHT if self._takes_s else 1.0
        self._takes_s += weight * (took_s - self._takes_s)

    def check(self, in_hand: int) -> None:
        """Let a caller in.

        Raises:
            errors.Busy: with so many before him he would have to wait for more than `max_wait_s`.
        """
        if in_hand >= self._places and in_hand / self._places * self._takes_s > self._max_wait_s:
            raise errors.Busy("Too many messages wait for an answer.")

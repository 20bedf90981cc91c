"""What the engine needs of the outside, as small protocols; `bot.assembly` fits the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.domain import Conversation, Event, Message, Reply, StoredEvent, Turn
from classifier.prediction import IntentPrediction
from retrieval.candidate import Candidate, Query


class Store(Protocol):
    """Keeps conversations as events. Every method raises `errors.StoreError` when it cannot."""

    async def open_turn(self, message: Message) -> tuple[Conversation, Turn | None]:
        """The conversation of `message`, and its turn if that very message was answered before.

        A message was seen before when its conversation holds a turn with the same `external_id`.
        A conversation without any turn is made up on the spot (`is_new`), and not yet stored.
        """

    async def close_turn(
        self, conversation: Conversation, message: Message, reply: Reply, events: Sequence[Event]
    ) -> Turn:
        """Store message, events, reply and reasons in one durable transaction: all or nothing.

        Slot events in `events` update the conversation's slots. When another process stored a turn
        of the same `external_id` meanwhile, nothing is written and that turn is returned.
        """

    async def events_after(
        self, channel: str, sender: str, *, after: int = 0, limit: int = 500
    ) -> Sequence[StoredEvent]:
        """Events of one conversation with `seq` > `after`, oldest first, at most `limit`.

        With `after` 0 the last `limit` events are given, so that a long history stays quick.
        """

    async def turn(self, turn_id: str) -> Turn | None:
        """One turn with its reasons, None when there is none of that id."""

    async def ping(self) -> None:
        """Prove that the store can be written to."""

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""


class Classifier(Protocol):
    """Ranks intents. Synchronous: `bot.inference` calls it on the model's own thread."""

    @property
    def model_id(self) -> str:
        """Names the artefact."""

    def predict(self, texts: Sequence[str]) -> list[IntentPrediction]:
        """One prediction for each text."""


class Retriever(Protocol):
    """Finds past answers. Synchronous, as the classifier."""

    @property
    def revision(self) -> str:
        """Names the knowledge that is searched."""

    @property
    def encoder_id(self) -> str:
        """Names the encoder."""

    def search(self, queries: Sequence[Query]) -> list[list[Candidate]]:
        """Up to `k` usable answers for each query, best first."""

"""What the engine needs of the outside, as small protocols; `bot.assembly` fits the real ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from bot.domain import Conversation, Event, Feedback, Message, Reply, StoredEvent, Turn
from bot.records import Backlog, Delivered, Entry, Incoming, Parcel, Reminder
from classifier.prediction import IntentPrediction
from retrieval.candidate import Candidate, Excerpt, PastAnswer, Query, Wanted


class Store(Protocol):
    """Keeps conversations as events. Every method raises `errors.StoreError` when it cannot."""

    async def open_turn(self, message: Message) -> tuple[Conversation, Turn | None]:
        """The conversation of `message`, and its turn if that very message was answered before.

        A message was seen before when its conversation holds a turn with the same `external_id`.
        A conversation without any turn is made up on the spot (`is_new`), and not yet stored.
        """

    @property
    def journal(self) -> Journal:
        """What came in and what has to go out, in the same database."""

    @property
    def reminders(self) -> Reminders:
        """What dialogues want to be reminded of, in the same database."""

    @property
    def snapshots(self) -> Snapshots:
        """What long conversations came to, in the same database."""

    async def close_turn(
        self,
        conversation: Conversation,
        message: Message,
        reply: Reply,
        events: Sequence[Event],
        outgoing: Sequence[Parcel] = (),
        *,
        reminds: bool = True,
    ) -> Turn:
        """Store message, events, reply, reasons and `outgoing` durably: all or nothing.

        Marks the message as answered if the journal holds it, and sets and cancels reminders. Slot
        events in `events` update the
        conversation's slots. When another process stored a turn of the same `external_id`
        meanwhile, nothing else is written and that turn is returned. `reminds` is off for events
        that are only written down.
        """

    async def events_after(
        self,
        channel: str,
        sender: str,
        *,
        after: int = 0,
        limit: int = 500,
        from_start: bool = False,
    ) -> Sequence[StoredEvent]:
        """Events of one conversation with `seq` > `after`, oldest first, at most `limit`.

        With `after` 0 the last `limit` events are given, so that a long history stays quick;
        `from_start` gives the first ones.
        """

    async def channels_of(self, sender: str) -> Sequence[str]:
        """The channels on which `sender` has a conversation, the one used last first."""

    async def turn(self, turn_id: str) -> Turn | None:
        """One turn with its reasons, None when there is none of that id."""

    async def turn_of(self, channel: str, sender: str, seq: int) -> str | None:
        """The turn in which the bot said event `seq`; None if not to this visitor."""

    async def give_feedback(self, given: Feedback, outgoing: Sequence[Parcel] = ()) -> bool:
        """Keep it with `outgoing`; False, and nothing is stored, when it was said before."""

    async def feedback_on(self, turn_id: str) -> tuple[str, str] | None:
        """Verdict and comment of a turn, None when nobody gave any."""

    async def ping(self) -> None:
        """Prove that the store can be written to."""

    async def close(self) -> None:
        """Finish what is under way and let go of the database."""


class Journal(Protocol):
    """Messages until they are answered, pieces until they are sent, and who works on them.

    Every method raises `errors.StoreError` when it cannot, `errors.Busy` when too many wait.
    """

    @property
    def is_shared(self) -> bool:
        """Whether several processes may work on it, so that they must show that they live."""

    async def accept(
        self,
        items: Sequence[Incoming],
        *,
        owner: str,
        outgoing: Sequence[Parcel] = (),
        remember: tuple[str, Mapping[str, Any]] | None = None,
    ) -> list[Entry]:
        """Write messages down durably, all in one transaction; one that is there stays as it is.

        `outgoing` is stored with them (only with those of its `turn_id` that are new), and
        `remember` as the state of that channel.
        """

    async def claim(
        self, owner: str, *, now: float, limit: int
    ) -> tuple[list[Entry], list[Parcel]]:
        """Take conversations and lanes that no living process works on, in order."""

    async def held(
        self, owner: str, *, but: Callable[[str], bool]
    ) -> tuple[list[Entry], list[Parcel]]:
        """What this process is to do, in order.

        Left out is what `but` knows by its id or key; it is called on another thread.
        """

    async def fail(self, message_id: str, error: str, *, is_last: bool) -> None:
        """Answering a message ended in a defect."""

    async def forget(self, message_id: str) -> None:
        """Drop a message that is not answered: its sender knows that it failed."""

    async def start(self, key: str, *, owner: str) -> bool:
        """Note that a piece is about to be sent; False when it is no longer ours to send."""

    async def finish(self, key: str) -> None:
        """Note that it was sent."""

    async def postpone(self, key: str, *, due_at: float, attempts: int, error: str) -> None:
        """Note that it was not taken and when to try again."""

    async def bury(self, key: str, *, attempts: int, error: str) -> None:
        """Give it up: a dead letter."""

    async def take(self, channel: str, turn_id: str) -> bool:
        """Take a turn's pieces out of the outbox to say them otherwise; all of them or none."""

    async def pieces(self, state: Delivered, *, limit: int = 100) -> Sequence[Parcel]:
        """Pieces that stand there, newest first."""

    async def replay(self, keys: Sequence[str] | None, *, now: float) -> int:
        """Send dead letters again, all of them and failed messages too when `keys` is None."""

    async def beat(self, owner: str, *, until: float) -> None:
        """Sign in, or show to be alive."""

    async def leave(self, owner: str) -> None:
        """Sign out; what was not done is free."""

    async def take_over(self) -> None:
        """Sign all out: whoever they were, they are dead."""

    async def state_of(self, channel: str) -> dict[str, Any]:
        """What the channel asked to remember."""

    async def address_of(self, channel: str, sender: str) -> Mapping[str, Any] | None:
        """Where a visitor was when he wrote last, None when he cannot be sent anything."""

    async def backlog(self) -> Backlog:
        """How much waits."""

    async def purge(self, *, before: float, limit: int = 1000) -> int:
        """Delete answered messages and sent pieces older than that; how many."""


class Reminders(Protocol):
    """Reminders until they are brought; each is claimed by one process. Raises as `Store`."""

    async def claim(self, owner: str, *, now: float, limit: int) -> Sequence[Reminder]:
        """Take what is due and no living process works on, the oldest first."""

    async def next_due(self, *, after: float) -> float | None:
        """When the next one is due, in seconds since 1970; None when there is none."""

    async def done(self, key: str) -> None:
        """Forget one: it was brought, or is out of date."""

    async def postpone(self, key: str, *, due_at: float) -> None:
        """It failed; try again then."""


class Snapshots(Protocol):
    """What trackers of long conversations knew at some event. Raises as `Store`."""

    async def load(
        self, channel: str, sender: str, fingerprint: str
    ) -> tuple[int, Mapping[str, Any]] | None:
        """The last but one snapshot of this fingerprint, and the `seq` of the event behind it."""

    async def save(
        self, channel: str, sender: str, fingerprint: str, *, seq: int, data: Mapping[str, Any]
    ) -> None:
        """Keep what was known behind the event `seq`; old snapshots are dropped."""


class Unasked(Protocol):
    """Brings what the bot says by itself to the visitor: reminders, stated intents."""

    async def pieces(self, message: Message, reply: Reply) -> Sequence[Parcel]:
        """What is to be sent, to be stored with the turn."""

    def stored(self, message: Message, turn: Turn, pieces: Sequence[Parcel]) -> None:
        """The turn is stored: send the pieces."""


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

    def entry(self, name: str) -> tuple[PastAnswer, ...] | None:
        """The answers of that id in all their languages, None when there is none."""

    def of_intent(self, intent: str) -> Sequence[PastAnswer]:
        """All answers to an intent."""

    def excerpts(self, wanted: Sequence[Wanted]) -> Sequence[Excerpt]:
        """The sentences of each answer that its question is about, word for word."""

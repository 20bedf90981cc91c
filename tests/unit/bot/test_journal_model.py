"""R18: the journal against a model of it, under any order of repeats, crashes and takeovers."""

from __future__ import annotations

import uuid
from collections import defaultdict
from datetime import UTC, datetime
from typing import ClassVar

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bot.domain import Message
from bot.records import Incoming, Parcel
from bot.store import journal, jsontext, leases, outbox, schema

OWNERS = ("a", "b", "c")
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
owners, senders = st.sampled_from(OWNERS), st.sampled_from(["u", "v", "w"])
keys = st.integers(0, 11).map(str)


class Life(RuleBasedStateMachine):
    """Three processes on one database: they take in, answer, send, die and take over."""

    engine: ClassVar[sa.Engine] = sa.create_engine(
        "sqlite://",
        poolclass=sa.pool.StaticPool,
        json_serializer=jsontext.dump,
        json_deserializer=jsontext.load,
    )

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.on = self.engine.connect()
        schema.metadata.drop_all(self.on)
        schema.metadata.create_all(self.on)
        self.alive: set[str] = set()
        self.deaths: dict[str, int] = defaultdict(int)
        self.hands: dict[str, list[Message]] = defaultdict(list)
        self.sending: dict[str, list[Parcel]] = defaultdict(list)
        self.accepted: dict[str, str] = {}
        self.answered: list[str] = []
        self.sent: dict[str, int] = defaultdict(int)
        self.uncertain: set[str] = set()
        self.order: dict[str, list[int]] = defaultdict(list)
        self.place: dict[str, int] = {}

    def teardown(self) -> None:
        self.on.rollback()
        self.on.close()

    def name(self, owner: str) -> str:
        """What the process calls itself: another name after each start, as the gateway does."""
        return f"{owner}{self.deaths[owner]}"

    def live(self, owner: str) -> None:
        leases.beat(self.on, owner, self.now + 5)
        self.alive.add(owner)

    @rule(owner=owners, sender=senders, key=keys)
    def receive(self, owner: str, sender: str, key: str) -> None:
        """A message comes in, perhaps again, perhaps at another process."""
        owner = self.name(owner)
        self.live(owner)
        message = Message(
            id=uuid.uuid4().hex, channel="x", sender=sender, text=key, received_at=NOON
        )
        item = Incoming(message=message, scope=sender, dedupe_key=key, address={})
        (entry,) = journal.accept(self.on, [item], owner)
        name = f"{sender} {key}"
        assert entry.is_new == (name not in self.accepted)
        assert self.accepted.setdefault(name, entry.message.id) == entry.message.id
        if entry.is_new:
            self.place[entry.message.id] = len(self.place)
            if entry.is_mine:
                self.hands[owner].append(entry.message)

    @rule(owner=owners)
    def answer(self, owner: str) -> None:
        """A living process answers its oldest message; its reply is one piece."""
        owner = self.name(owner)
        if owner not in self.alive or not self.hands[owner]:
            return
        message = self.hands[owner].pop(0)
        journal.answered(self.on, message.id)
        piece = Parcel(
            key=message.id, channel="x", lane=message.sender, turn_id=message.id, piece={},
            address={}, due_at=self.now, created_at=self.now, owner=owner,
        )  # fmt: skip
        outbox.add(self.on, [piece])
        self.answered.append(message.id)
        self.order[message.sender].append(self.place[message.id])
        self.sending[owner].append(piece)

    @rule(owner=owners, dies=st.booleans(), refused=st.booleans())
    def send(self, owner: str, dies: bool, refused: bool) -> None:
        """A living process sends a piece; it may die before it can note that."""
        name = self.name(owner)
        if name not in self.alive or not self.sending[name]:
            return
        piece = self.sending[name].pop(0)
        assert outbox.start(self.on, piece.key, name)
        if refused:
            outbox.postpone(self.on, piece.key, due_at=self.now + 1, attempts=1, error="429")
            self.sending[name].insert(0, piece)
            return
        self.sent[piece.key] += 1
        if dies:
            self.uncertain.add(piece.key)
            self.crash(owner)
        else:
            outbox.finish(self.on, piece.key)

    @rule(owner=owners)
    def crash(self, owner: str) -> None:
        """A process dies: what it had in memory is gone, its lease runs out."""
        name = self.name(owner)
        if name in self.alive:
            self.alive.discard(name)
            self.hands.pop(name, None)
            self.sending.pop(name, None)
            leases.leave(self.on, name)
            self.deaths[owner] += 1

    @rule(owner=owners, limit=st.integers(1, 20))
    def claim(self, owner: str, limit: int) -> None:
        """A process takes what nobody works on."""
        owner = self.name(owner)
        self.live(owner)
        entries = journal.claim(self.on, owner, self.now, limit)
        known = {message.id for message in self.hands[owner]}
        self.hands[owner] += [e.message for e in entries if e.message.id not in known]
        for piece in outbox.claim(self.on, owner, self.now, limit):
            assert piece.is_uncertain == (piece.key in self.uncertain)
            self.sending[owner].append(piece)

    @invariant()
    def nothing_is_answered_twice(self) -> None:
        assert len(self.answered) == len(set(self.answered))

    @invariant()
    def conversations_are_answered_in_order(self) -> None:
        assert all(places == sorted(places) for places in self.order.values())

    @invariant()
    def what_was_sent_twice_is_known_to_be_uncertain(self) -> None:
        assert {key for key, times in self.sent.items() if times > 1} <= self.uncertain

    @invariant()
    def one_process_works_on_a_conversation(self) -> None:
        for sender in ("u", "v", "w"):
            working = [
                owner
                for owner in self.alive
                if any(message.sender == sender for message in self.hands[owner])
            ]
            assert len(working) <= 1

    @invariant()
    def nothing_is_lost(self) -> None:
        pending = journal.count(self.on, journal.PENDING)
        assert pending + len(self.answered) == len(self.accepted)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)

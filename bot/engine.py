"""The straight path of a message: open the turn, understand, decide, say, close the turn."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import structlog

from bot import (
    choices,
    conversing,
    following,
    payload,
    policy,
    replies,
    stated,
    text,
    tracker,
)
from bot.brain import Brain, BrainBox
from bot.conversing import Heard, Said, Talk
from bot.dialogue.dialogue import Dialogue
from bot.dialogue.memory import Memory
from bot.dialogue.tracker import Tracker
from bot.dialogue.turn import Turn as DialogueTurn
from bot.domain import Conversation, Event, Language, Message, Reply, Turn, Understanding
from bot.inference import ModelThread
from bot.payload import Payload
from bot.policy import Rules
from bot.ports import Store, Unasked
from bot.records import Parcel
from bot.understanding import Asked, Understander

SHOWN_EVENTS = 20_000  # of a conversation, to integrators
T = TypeVar("T")
Deliver = Callable[[Message, Reply], Sequence[Parcel]]
"""Makes the pieces of a reply that a channel has to send."""
OnStored = Callable[[str, str, Sequence[Event]], None]
"""Channel, sender, events."""
_log = structlog.get_logger()


def _nothing(_message: Message, _reply: Reply) -> Sequence[Parcel]:
    return ()


class Engine:
    """Answers messages, those of one conversation one after the other."""

    def __init__(
        self,
        store: Store,
        box: BrainBox,
        rules: Rules,
        *,
        classifying: ModelThread,
        searching: ModelThread,
        deadline_s: float,
    ) -> None:
        """Wire the parts.

        Args:
            store: where turns are kept.
            box: holds the brain in use.
            rules: the knobs of the policy.
            classifying: the classifier's thread.
            searching: the retriever's thread.
            deadline_s: a model that takes longer counts as down for that message.
        """
        self._store = store
        self._box = box
        self._rules = rules
        self._understander = Understander(classifying, searching, deadline_s=deadline_s)
        self._memory = Memory(store)
        self.on_stored: OnStored = _ignore
        """Told of the events of each stored turn of a dialogue."""
        self.unasked: Unasked | None = None
        """Sends what the bot says by itself; None where there is nothing to send with."""
        self._locks: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    async def answer(self, message: Message, deliver: Deliver = _nothing) -> Turn:
        """The stored turn of `message`; a message that was answered before gets the same turn.

        What `deliver` makes of a new reply is stored with it, to be sent.

        Raises:
            errors.NotReady: there is no model yet.
            errors.Busy: too many messages wait.
            errors.StoreError: the turn could not be stored; nothing of it is.
        """
        brain = self._box.brain
        async with self._in_order(message):
            conversation, earlier = await self._store.open_turn(message)
            if earlier is not None:
                return earlier
            if not conversation.is_new:
                message = await self._by_number(message)
                before = await self._question_before(message, conversation)
                conversation = replace(conversation, question_before=before)
            if brain.dialogue is not None:
                return await self._converse(message, conversation, brain, deliver)
            reply = await self.reply(message, conversation, brain)
            events = tracker.events_of(conversation, message, reply)
            outgoing = deliver(message, reply)
            return await asyncio.shield(
                self._store.close_turn(conversation, message, reply, events, outgoing)
            )

    async def _converse(
        self, message: Message, conversation: Conversation, brain: Brain, deliver: Deliver
    ) -> Turn:
        """Answer with the dialogue of the project, and store what happened."""
        heard = await self.hear(message, conversation, brain)
        known = await self._memory.take(message.channel, message.sender, brain.dialogue_in_use)
        said = await Talk(brain, known, conversation, self._rules_with(brain)).hear(message, heard)
        outgoing = deliver(message, said.reply)
        return await asyncio.shield(self._keep(message, conversation, brain, known, said, outgoing))

    async def _keep(
        self,
        message: Message,
        conversation: Conversation,
        brain: Brain,
        known: Tracker,
        said: Said,
        outgoing: Sequence[Parcel] = (),
        *,
        reminds: bool = True,
    ) -> Turn:
        turn = await self._store.close_turn(
            conversation, message, said.reply, said.events, outgoing, reminds=reminds
        )
        if turn.id == message.id:  # else another process answered it: the tracker is read again
            dialogue = brain.dialogue_in_use
            await self._memory.keep(message.channel, message.sender, dialogue, known, turn.events)
            self.on_stored(message.channel, message.sender, said.events)
        return turn

    @property
    def dialogue(self) -> Dialogue:
        """The dialogue in use.

        Raises:
            errors.NotReady: there is no brain yet, or the project has no dialogue.
        """
        return self._box.brain.dialogue_in_use

    async def parsed(self, words: str) -> dict[str, Any]:
        """The parse of `words` as Rasa writes it, without a conversation."""
        nobody = Conversation(id="", channel="", sender="", is_new=True)
        now = datetime.now(UTC)
        said = Message(id="", channel="", sender="", text=words, received_at=now)
        return (await self.hear(said, nobody, self._box.brain)).parse

    async def steer(
        self,
        message: Message,
        work: Callable[[DialogueTurn, Tracker], Awaitable[None]],
        *,
        speaks: bool = True,
        reminds: bool = True,
    ) -> tuple[Turn, Tracker]:
        """Do something else than answer in a conversation: `work` on it, and store what happened.

        Args:
            message: names the conversation and says in its text what is done.
            work: what is done.
            speaks: whether the visitor is told what the bot says.
            reminds: whether reminders are set and cancelled as the events say.

        Raises:
            errors.FrontdeskError: as `answer`, and whatever `work` raises; nothing is stored then.
        """
        brain = self._box.brain
        async with self._in_order(message):
            conversation, earlier = await self._store.open_turn(message)
            if earlier is not None:
                return earlier, await self.look(message.channel, message.sender)
            known = await self._memory.take(message.channel, message.sender, brain.dialogue_in_use)
            talk = Talk(brain, known, conversation, self._rules_with(brain))
            turn = talk.turn(message.channel, None)
            await turn.begin()
            await work(turn, known)
            said = talk.said(turn, stated.nothing(brain, message.text))
            stored = await asyncio.shield(
                self._say_unasked(
                    message, conversation, brain, known, said, speaks=speaks, reminds=reminds
                )
            )
            return stored, known.copy()

    async def _say_unasked(
        self,
        message: Message,
        conversation: Conversation,
        brain: Brain,
        known: Tracker,
        said: Said,
        *,
        speaks: bool,
        reminds: bool,
    ) -> Turn:
        """Store what happened with what it sends to the visitor."""
        courier = self.unasked if speaks and said.reply.messages else None
        pieces = await courier.pieces(message, said.reply) if courier else ()
        turn = await self._keep(message, conversation, brain, known, said, pieces, reminds=reminds)
        if courier:
            courier.stored(message, turn, pieces)
        return turn

    async def look(self, channel: str, sender: str) -> Tracker:
        """The tracker of a conversation as it is stored.

        One that is not stored is shown as if it had just begun, as Rasa does.
        """
        dialogue = self._box.brain.dialogue_in_use
        known = await Memory(self._store).take(channel, sender, dialogue)
        if known.is_empty and not known.count:
            await DialogueTurn(known, dialogue.context(channel), dialogue.policies).begin()
        return known

    async def channels_of(self, sender: str) -> Sequence[str]:
        """The channels on which `sender` has a conversation, the one used last first."""
        return await self._store.channels_of(sender)

    async def events(self, channel: str, sender: str) -> list[Event]:
        """What happened in a conversation, oldest first; of a very long one the end."""
        stored = await self._store.events_after(channel, sender, limit=SHOWN_EVENTS)
        return [one.event for one in stored]

    async def hear(self, message: Message, conversation: Conversation, brain: Brain) -> Heard:
        """What `message` means to the dialogue: stated, known from the examples, or classified."""
        dialogue, words = brain.dialogue_in_use, message.text
        named = dialogue.stated(words)
        if named is not None:
            said = payload.Payload(name=named["intent"]["name"])
            before = _language(conversation)
            understood = stated.by_button(said, before, brain)
            return Heard(understanding=understood, parse=named, pressed=said)
        pressed = self._pressed(message, brain)
        known = dialogue.recognised(words)
        if known and pressed is None:
            language = text.language_of(words, otherwise=_language(conversation))
            understood = stated.by_examples(known, language, brain)
            return Heard(understanding=understood, parse=dialogue.parsed(words, known))
        understood = await self.understand(
            words, brain, conversation, channel=message.channel, pressed=pressed
        )
        ranking = understood.prediction.ranking if understood.prediction else ()
        doubt, limits = dialogue.doubt, self._rules_with(brain).thresholds
        if brain.knowledge.has_answers and understood.sure >= limits.answer:
            doubt = conversing.doubt_beside(understood.sure, doubt)
        parse = dialogue.parsed(words, ranking, doubt=doubt)
        return Heard(understanding=understood, parse=parse, pressed=pressed)

    async def reply(self, message: Message, conversation: Conversation, brain: Brain) -> Reply:
        """What `brain` says to `message` at this point of `conversation`; stores nothing.

        Raises:
            errors.Busy: too many messages wait.
        """
        if brain.dialogue is not None:
            heard = await self.hear(message, conversation, brain)
            fresh = brain.dialogue.tracker(message.sender)
            return (
                await Talk(brain, fresh, conversation, self._rules_with(brain)).hear(message, heard)
            ).reply
        pressed = self._pressed(message, brain)
        understanding = await self.understand(
            message.text, brain, conversation, channel=message.channel, pressed=pressed
        )
        decision = policy.decide(
            conversation, understanding, pressed, brain.knowledge, self._rules_with(brain)
        )
        slots = tracker.slots_after(conversation, understanding.language.value)
        return Reply(
            messages=replies.words(decision, brain.knowledge, slots, message.channel),
            decision=decision,
            understanding=understanding,
        )

    async def parse(self, words: str) -> Understanding:
        """What is understood of `words`, without a conversation and without storing anything."""
        nobody = Conversation(id="", channel="", sender="", is_new=True)
        return await self.understand(words, self._box.brain, nobody, channel="", pressed=None)

    async def understand(
        self,
        words: str,
        brain: Brain,
        conversation: Conversation,
        *,
        channel: str,
        pressed: Payload | None,
    ) -> Understanding:
        """Intents, candidates and confidence; a model that fails leaves a note instead."""
        before = _language(conversation)
        if pressed is not None:
            return stated.by_button(pressed, before, brain)
        asked = Asked(
            brain=brain,
            language=text.language_of(words, otherwise=before),
            channel=channel,
            before=conversation.question_before,
            rules=self._rules_with(brain),
        )
        return await self._understander.understand(words, asked)

    async def _by_number(self, message: Message) -> Message:
        """`message` as if the button had been pressed whose number it is, if it is one."""
        if choices.number_in(message.text) is None:
            return message
        events = await self._store.events_after(
            message.channel, message.sender, limit=choices.LOOKED_AT
        )
        button = choices.chosen(message.text, events)
        return (
            message if button is None else replace(message, text=button.payload, title=button.title)
        )

    def _rules_with(self, brain: Brain) -> Rules:
        """The policy's knobs, with the thresholds that a risk was turned into, if one is set."""
        if brain.thresholds is None:
            return self._rules
        return replace(self._rules, thresholds=brain.thresholds)

    async def _question_before(self, message: Message, conversation: Conversation) -> str:
        """The visitor's question before, if `message` may lean on it; else empty."""
        language = text.language_of(message.text, otherwise=_language(conversation))
        if message.text.startswith("/") or not following.leans(message.text, language):
            return ""
        events = await self._store.events_after(
            message.channel, message.sender, limit=following.LOOKED_AT
        )
        return following.question_before(events)

    def _pressed(self, message: Message, brain: Brain) -> Payload | None:
        """The payload of a pressed button, if it names an answer or intent that there is."""
        found = payload.read(message.text)
        if found is None:
            return None
        known = found.name in brain.knowledge.intents or found.answer_id is not None
        return found if known else None

    @contextlib.asynccontextmanager
    async def _in_order(self, message: Message) -> AsyncIterator[None]:
        """Messages of one conversation wait for each other; those of different ones do not."""
        key = message.channel, message.sender
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield


def _language(conversation: Conversation) -> Language:
    """The language spoken so far."""
    spoken = conversation.slots.get(tracker.LANGUAGE_SLOT)
    return Language(spoken) if spoken in set(Language) else Language.EN


def _ignore(_channel: str, _sender: str, _events: Sequence[Event]) -> None:
    """Nobody wants to know."""

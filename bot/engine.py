"""The straight path of a message: open the turn, understand, decide, say, close the turn."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from bot import choices, confidence, errors, payload, policy, replies, text, tracker
from bot.brain import Brain, BrainBox
from bot.domain import Conversation, Language, Message, Reply, Turn, Understanding
from bot.inference import ModelThread
from bot.payload import Payload
from bot.policy import Rules
from bot.ports import Store
from bot.records import Parcel
from classifier.prediction import IntentPrediction, RankedIntent
from retrieval.candidate import Candidate, PastAnswer, Query

SHOWN_CANDIDATES = 5  # kept with the reply
T = TypeVar("T")
Deliver = Callable[[Message, Reply], Sequence[Parcel]]
"""Makes the pieces of a reply that a channel has to send."""
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
        self._classifying = classifying
        self._searching = searching
        self._deadline_s = deadline_s
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
            reply = await self.reply(message, conversation, brain)
            events = tracker.events_of(conversation, message, reply)
            outgoing = deliver(message, reply)
            return await asyncio.shield(
                self._store.close_turn(conversation, message, reply, events, outgoing)
            )

    async def reply(self, message: Message, conversation: Conversation, brain: Brain) -> Reply:
        """What `brain` says to `message` at this point of `conversation`; stores nothing.

        Raises:
            errors.Busy: too many messages wait.
        """
        pressed = self._pressed(message, brain)
        understanding = await self.understand(
            message.text, brain, conversation, channel=message.channel, pressed=pressed
        )
        decision = policy.decide(conversation, understanding, pressed, brain.knowledge, self._rules)
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
        before = Language(conversation.slots.get(tracker.LANGUAGE_SLOT, Language.EN))
        if pressed is not None:
            return self._understood_button(pressed, before, brain)
        language = text.language_of(words, otherwise=before)
        query = Query(text=words, language=language.value, channel=channel, now=datetime.now(UTC))
        down: dict[str, str] = {}
        prediction, candidates = await self._ask_models(brain, query, down)
        fused = confidence.fuse(candidates, prediction)
        sure = 0.0
        if fused:
            ruled = tuple(brain.knowledge.rules)
            sure = confidence.probability(confidence.signals(fused, prediction, ruled))
        return Understanding(
            language=language,
            prediction=prediction,
            candidates=fused[:SHOWN_CANDIDATES],
            confidence=sure,
            versions=brain.versions,
            models_down=tuple(down),
            notes=tuple(down.values()),
        )

    async def _ask_models(
        self, brain: Brain, query: Query, down: dict[str, str]
    ) -> tuple[IntentPrediction | None, list[Candidate]]:
        """Both models side by side; one that fails or is late is named in `down`, with why."""
        prediction, candidates = await asyncio.gather(
            self._in_time(
                "classifier", self._classifying.run(brain.classifier.predict, query.text), down
            ),
            self._in_time("retriever", self._searching.run(brain.retriever.search, query), down),
        )
        return prediction, candidates or []

    async def _in_time(self, model: str, work: Awaitable[T], down: dict[str, str]) -> T | None:
        """What `work` gives; None, and a word in `down`, when it fails or is late."""
        try:
            return await asyncio.wait_for(work, self._deadline_s)
        except TimeoutError:
            down[model] = f"the {model} took longer than {self._deadline_s} s"
        except errors.ModelError as cause:
            down[model] = f"the {model} failed: {cause}"
        _log.error(down[model], action="model_failed", model=model)
        return None

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

    def _pressed(self, message: Message, brain: Brain) -> Payload | None:
        """The payload of a pressed button, if it names an answer or intent that there is."""
        found = payload.read(message.text)
        if found is None:
            return None
        known = found.name in brain.knowledge.intents or found.answer_id is not None
        return found if known else None

    def _understood_button(
        self, pressed: Payload, language: Language, brain: Brain
    ) -> Understanding:
        """A button says exactly what is meant; the models are not asked."""
        chosen = [
            Candidate(answer=answer, score=0.0, cosine=1.0, matched=answer.title)
            for answer in self._named(pressed, language, brain)
        ]
        stated = RankedIntent(name=pressed.name, confidence=1.0)
        is_intent = pressed.answer_id is None
        return Understanding(
            language=language,
            prediction=IntentPrediction(ranking=(stated,), model_id="button")
            if is_intent
            else None,
            candidates=tuple(chosen[:SHOWN_CANDIDATES]),
            confidence=1.0,
            versions=brain.versions,
            notes=("a button was pressed",),
        )

    def _named(self, pressed: Payload, language: Language, brain: Brain) -> list[PastAnswer]:
        """The answer that a button names, or all answers of the intent that it states."""
        if pressed.answer_id is not None:
            answer = brain.knowledge.answer(pressed.answer_id, language.value)
            return [answer] if answer else []
        return [
            answer
            for answer in brain.knowledge.answers
            if answer.intent == pressed.name and answer.lang == language.value and answer.enabled
        ]

    @contextlib.asynccontextmanager
    async def _in_order(self, message: Message) -> AsyncIterator[None]:
        """Messages of one conversation wait for each other; those of different ones do not."""
        key = message.channel, message.sender
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = asyncio.Lock()
        async with lock:
            yield

"""Keeps the brain up to date while the server runs: first start, edits, training.

start ─► read knowledge ─► a model? ──no──► train a head (child process) ─┐
                              └──yes─────────────────────────────────────►├─► brain
edit  ─► read again ─► broken? keep the last good one : new brain         │
other examples than the model's ─► train again, old one serves ──────────►┘
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog
import watchfiles

from bot import errors
from bot.assembly import BrainMaker, Parts
from bot.brain import Brain
from bot.knowledge.model import Knowledge
from bot.training.supervisor import Step, train_in_child
from classifier import dataset
from classifier.methods import Method
from retrieval import errors as retrieval_errors
from retrieval.candidate import Candidate, PastAnswer, Query

if TYPE_CHECKING:
    from bot.store.answers import Receipt

WATCH_DEBOUNCE_MS = 150  # an editor writes a file in several steps
WATCH_STEP_MS = 50
SAY_EVERY_S = 3.0
LOOK_EVERY_S = 0.2  # for answers that others wrote
_log = structlog.get_logger()


@dataclass(slots=True, kw_only=True)
class State:
    """What is going on, for `/readyz`, `/metrics` and the log."""

    training: Step | None = None
    knowledge_error: str = ""
    """Why the knowledge on disk is not the one that serves; empty when it is."""
    training_error: str = ""
    reloads: int = 0
    loaded_at: float = 0.0
    """Seconds since 1970."""
    is_stopping: bool = False
    """Told to stop: no longer ready, but what came in is finished."""


class Live:
    """Makes the first brain and every later one."""

    def __init__(self, parts: Parts) -> None:
        """Work for `parts`; nothing starts before `run`."""
        self.state = State()
        self._parts = parts
        self._maker = BrainMaker(parts.settings)
        self._changing = asyncio.Lock()
        self._reloading = asyncio.Lock()  # the folder's edits and imports, one after the other
        self._trainer: asyncio.Task[None] | None = None
        self._follower: asyncio.Task[None] | None = None
        self._tidier: asyncio.Task[None] | None = None
        self._preparer: asyncio.Task[None] | None = None
        self._said_at = 0.0
        self._tried: tuple[str, ...] | None = None  # promotions that were taken over, or failed

    async def run(self) -> None:
        """Get ready, then follow the project folder until cancelled.

        Raises:
            errors.KnowledgeError: the project is broken at start.
            errors.ModelError: the first model cannot be made.
        """
        watcher = asyncio.create_task(self._follow(), name="project folder")
        await asyncio.sleep(0)  # it is watched before it is read, so that no edit is missed
        try:
            async with self._reloading:
                knowledge = await asyncio.to_thread(self._maker.read_knowledge)
                await self._take(knowledge)
                self._keep_trained(knowledge)
            self._follower = asyncio.create_task(self._follow_answers(), name="answers database")
            await watcher
        finally:
            for task in (watcher, self._follower, self._preparer, self._tidier, self._trainer):
                if task is not None:
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
            await self._maker.close()

    async def _follow(self) -> None:
        project = self._parts.settings.project
        changes = watchfiles.awatch(project, debounce=WATCH_DEBOUNCE_MS, step=WATCH_STEP_MS)
        async for _ in changes:
            await self._reload()

    def _has_other_encoders(self) -> bool:
        """Whether an encoder was promoted, and a classifier for it, since the brain was made."""
        box = self._parts.box
        if not box.is_ready or not self._maker.has_promotions:
            return False
        found = self._maker.promotions()
        if found == self._tried or self._maker.trained(box.brain.knowledge) is None:
            return False
        self._tried = found  # an encoder that cannot be loaded is not tried again and again
        return True

    async def _follow_answers(self) -> None:
        """Take over what others make: answers, and encoders that were fine-tuned."""
        while True:
            try:
                brain = self._parts.box.brain
                preparing = self._preparer is not None and not self._preparer.done()
                if not preparing and await asyncio.to_thread(self._has_other_encoders):
                    take = self._take_encoders(brain.knowledge)
                    self._preparer = asyncio.create_task(take, name="promoted encoder")
                elif await asyncio.to_thread(self._maker.is_behind, brain):
                    await self.take_answers()
            except errors.StoreError as cause:  # said once, not five times a second
                if self.state.knowledge_error != str(cause):
                    self._say_broken(cause)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _take_encoders(self, knowledge: Knowledge) -> None:
        """Serve by the promoted encoders; edits are taken over while their index is made."""
        with contextlib.suppress(errors.FrontdeskError, retrieval_errors.RetrievalError):
            await asyncio.to_thread(self._maker.prepare, knowledge, self._say)
        await self._reload()  # tries again and says what is wrong, if that failed

    async def take_answers(self) -> None:
        """Serve the answers database as it is now.

        Raises:
            errors.StoreError: it cannot be used.
        """
        started = time.monotonic()
        async with self._reloading:
            async with self._changing:
                box = self._parts.box
                brain = await asyncio.to_thread(self._maker.followed, box.brain)
                if brain is not None:
                    box.replace(brain)
            if brain is None:
                await self._reload_alone()
                return
        self._note_live(brain, started)
        if self._tidier is None or self._tidier.done():
            tidy = asyncio.to_thread(self._maker.tidy)
            self._tidier = asyncio.create_task(tidy, name="tidy the index")

    async def put_answers(self, answers: Sequence[PastAnswer], origin: str) -> Receipt:
        """Add or change answers; they are served when this returns.

        Raises:
            errors.StoreError: they could not be stored; nothing of them is.
        """
        receipt = await asyncio.to_thread(self._maker.book.put, answers, origin=origin)
        await self.take_answers()
        return receipt

    async def remove_answer(self, name: str) -> Receipt:
        """Delete an answer in all languages; it is served no more when this returns.

        Raises:
            errors.StoreError: it could not be deleted.
        """
        receipt = await asyncio.to_thread(self._maker.book.remove, [name])
        await self.take_answers()
        return receipt

    async def search(self, query: Query) -> list[Candidate]:
        """The past answers, by retrieval alone. See `BrainMaker.search`."""
        return await asyncio.to_thread(self._maker.search, query)

    async def _reload(self) -> None:
        """Take over what was edited; what is broken is reported and changes nothing."""
        async with self._reloading:
            await self._reload_alone()

    async def _reload_alone(self) -> None:
        started = time.monotonic()
        try:
            knowledge = await asyncio.to_thread(self._maker.read_knowledge)
            await self._take(knowledge)
        except (errors.KnowledgeError, errors.ModelError, errors.StoreError) as cause:
            self._say_broken(cause)
            return
        self._note_live(self._parts.box.brain, started)
        self._keep_trained(knowledge)

    def _say_broken(self, cause: errors.FrontdeskError) -> None:
        self.state.knowledge_error = str(cause)
        _log.error(str(cause), action="knowledge_broken", serving="the last good version")

    def _note_live(self, brain: Brain, started: float) -> None:
        self.state.knowledge_error = ""
        self.state.reloads += 1
        _log.info(
            "the edited knowledge is live",
            action="knowledge_reloaded",
            revision=brain.versions.knowledge,
            took_ms=round((time.monotonic() - started) * 1000),
        )

    async def _take(self, knowledge: Knowledge) -> None:
        """A brain of this knowledge; if its encoder has no model yet, a head is trained first."""
        if await asyncio.to_thread(self._maker.lacks_model, knowledge):
            await self._train(Method.HEAD)
        await self._swap(knowledge)

    async def _swap(self, knowledge: Knowledge) -> None:
        """Make a brain beside the one that serves, then put it in its place."""
        box = self._parts.box
        async with self._changing:
            previous = box.brain if box.is_ready else None
            brain = await asyncio.to_thread(
                self._maker.make, knowledge, previous=previous, on_progress=self._say
            )
            if brain.classifier is not (previous and previous.classifier):
                await self._parts.classifying.run(brain.classifier.predict, "warm up")
            box.replace(brain)
        await self._start_actions(brain)
        self.state.loaded_at = time.time()
        _log.info("ready", action="brain_replaced", classifier=brain.classifier.model_id)

    async def _start_actions(self, brain: Brain) -> None:
        """Start the actions of the project now, so that the first visitor does not wait for it."""
        if brain.dialogue is None:
            return
        try:
            await brain.dialogue.actions.refresh()
        except errors.ActionError as cause:  # said again with each message that needs them
            _log.error(str(cause), action="actions_failed")

    def _say(self, step: str, share: float) -> None:
        """Tell what is being done: always in `/readyz`, now and then in the log."""
        self._parts.box.getting_ready = f"{step} ({share:.0%})"
        if time.monotonic() - self._said_at > SAY_EVERY_S:
            self._said_at = time.monotonic()
            _log.info(f"getting ready: {step}", action="getting_ready", done=f"{share:.0%}")

    def _keep_trained(self, knowledge: Knowledge) -> None:
        """Train in the background if the model in use does not fit these examples any more."""
        if self._trainer is not None and not self._trainer.done():
            return  # it looks again when it is done
        self._trainer = asyncio.create_task(self._catch_up(knowledge), name="training")

    async def _catch_up(self, knowledge: Knowledge) -> None:
        while (method := self._due(knowledge)) is not None:
            try:
                await self._train(method)
                await self._swap(self._parts.box.brain.knowledge)
                self.state.training_error = ""
            except errors.FrontdeskError as cause:
                self.state.training_error = str(cause)
                _log.error(str(cause), action="training_failed", serving="the model so far")
                return
            knowledge = self._parts.box.brain.knowledge

    def _due(self, knowledge: Knowledge) -> Method | None:
        """The training that is due: a head for new examples, then the full network."""
        if not knowledge.can_be_learned:
            return None
        used = self._maker.trained(knowledge)
        data_hash = dataset.fingerprint(knowledge.examples)
        if used is None or used.manifest.data_hash != data_hash:
            return Method.HEAD
        tried = self._maker.was_finetuned(knowledge)
        return Method.FULL if self._parts.settings.models.finetune and not tried else None

    async def _train(self, method: Method) -> None:
        _log.info("training starts", action="training_started", method=method.value)
        try:
            await train_in_child(
                self._parts.settings,
                method,
                polite=self._parts.box.is_ready,
                on_step=self._on_step,
            )
        finally:
            self.state.training = None
        _log.info("training is done", action="training_finished", method=method.value)

    def _on_step(self, step: Step) -> None:
        self.state.training = step
        if not self._parts.box.is_ready:
            self._say(step.step, step.share)

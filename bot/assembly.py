"""The only place that names concrete parts: settings → a wired engine, opened and closed."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot import errors
from bot.brain import Brain, BrainBox
from bot.config import Settings
from bot.domain import Thresholds
from bot.engine import Engine
from bot.inference import ModelThread
from bot.knowledge.model import Knowledge
from bot.policy import Rules
from bot.ports import Store
from bot.steering import Steering
from bot.store import open_store
from bot.talking import Talking
from bot.training.registry import Registered, Registry
from classifier import dataset
from classifier.methods import Method

if TYPE_CHECKING:
    from retrieval.encoders.recent import RecentEncoder
    from retrieval.search import Retriever

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the edges (web, command line) talk to."""

    settings: Settings
    store: Store
    box: BrainBox
    engine: Engine
    steering: Steering
    classifying: ModelThread
    searching: ModelThread


@contextlib.asynccontextmanager
async def open_parts(settings: Settings) -> AsyncIterator[Parts]:
    """Open the store and the model threads; the box is still empty.

    Raises:
        errors.ConfigError: the data folder cannot be used.
        errors.StoreError: the database cannot be opened.
    """
    prepare_data_folder(settings.data)
    store = await asyncio.to_thread(open_store, settings.database_url)
    waiting = settings.limits.max_waiting
    classifying = ModelThread("classifier", max_waiting=waiting)
    searching = ModelThread("retriever", max_waiting=waiting)
    box = BrainBox()
    engine = Engine(
        store,
        box,
        rules_of(settings),
        classifying=classifying,
        searching=searching,
        deadline_s=settings.limits.model_deadline_s,
    )
    steering = Steering(engine)
    try:
        yield Parts(
            settings=settings,
            store=store,
            box=box,
            engine=engine,
            steering=steering,
            classifying=classifying,
            searching=searching,
        )
    finally:
        await steering.close()
        classifying.close()
        searching.close()
        await store.close()


def prepare_data_folder(data: Path) -> None:
    """Make sure that `data` is there and can be written to.

    Raises:
        errors.ConfigError: it cannot; says what to do.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        probe = data / f".probe-{os.getpid()}"
        probe.write_bytes(b"frontdesk")
        probe.unlink()
    except OSError as cause:
        raise errors.ConfigError(
            f"The data folder {data} cannot be written to: {cause.strerror}.",
            hint="Fix its permissions or free some space, or name another one with --data.",
        ) from cause


def rules_of(settings: Settings) -> Rules:
    """The policy's knobs."""
    policy = settings.policy
    return Rules(
        thresholds=Thresholds(answer=policy.answer, clarify=policy.clarify, rule=policy.rule),
        offers=policy.offers,
        handoff_after=policy.handoff_after,
    )


class BrainMaker:
    """Makes brains; keeps the encoder and the classifier that did not change."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is loaded yet."""
        self._settings = settings
        self._registry = Registry(settings.data)
        self._talking = Talking(settings)
        self._encoder_folder: Path | None = None
        self._encoder: RecentEncoder | None = None
        self._last_retriever: Retriever | None = None
        self._promotions: tuple[str, ...] = ()

    def read_knowledge(self) -> Knowledge:
        """The project folder as it is now, and what was imported into the answers database.

        Raises:
            errors.KnowledgeError: something in the project folder is broken.
            errors.StoreError: the answers database cannot be used.
        """
        from bot import library  # noqa: PLC0415 - loads SQLAlchemy

        return library.read(self._settings)

    def trained(self, knowledge: Knowledge) -> Registered | None:
        """The model in use, if it was trained on the encoder that this knowledge gets."""
        return self._registry.suiting(self._encoder_name(knowledge))

    def was_finetuned(self, knowledge: Knowledge) -> bool:
        """Whether the full network was trained on these examples already, promoted or not."""
        return self._registry.has(
            method=Method.FULL.value,
            data_hash=dataset.fingerprint(knowledge.examples),
            encoder=self._encoder_name(knowledge),
        )

    def _encoder_name(self, knowledge: Knowledge) -> str:
        from retrieval.encoders import catalogue  # noqa: PLC0415 - heavy

        choice = self._settings.models.encoder
        resolved = catalogue.resolve(choice, all_english=knowledge.all_english)
        return catalogue.serving_name(resolved, self._registry.encoders)

    def make(
        self,
        knowledge: Knowledge,
        *,
        previous: Brain | None = None,
        on_progress: Progress = lambda _step, _share: None,
    ) -> Brain:
        """A brain of this knowledge and of the model in use. Takes from milliseconds to a minute.

        Raises:
            errors.ModelError: there is no model, or it was changed on disk.
        """
        from classifier import errors as classifier_errors  # noqa: PLC0415
        from classifier import model  # noqa: PLC0415 - loads onnxruntime
        from retrieval import errors as retrieval_errors  # noqa: PLC0415

        promotions = self.promotions()
        trained = self.trained(knowledge)
        if trained is None:
            raise errors.ModelError("No classifier is trained.", hint="Run `frontdesk train`.")
        try:
            encoder = self._load_encoder(knowledge, on_progress)
            same = previous and previous.classifier.model_id == trained.manifest.model_id
            if previous is not None and same:
                classifier = previous.classifier
            else:
                threads = self._settings.models.threads
                classifier = model.load(trained.folder, encoder, threads=threads)
            if previous is not None and self.is_current(previous, knowledge):
                retriever = previous.retriever
            else:
                name = self._encoder_folder.name if self._encoder_folder else ""
                retriever = self._retriever(knowledge, name, encoder, on_progress)
        except (classifier_errors.ClassifierError, retrieval_errors.RetrievalError) as cause:
            message = str(cause).removesuffix(cause.hint).strip()
            raise errors.ModelError(message, hint=cause.hint) from cause
        dialogue = previous.dialogue if previous and previous.knowledge is knowledge else None
        if dialogue is None and knowledge.dialogue is not None:
            dialogue = self._talking.dialogue(knowledge)
        self._promotions = promotions
        brain = Brain(
            knowledge=knowledge, classifier=classifier, retriever=retriever, dialogue=dialogue
        )
        thresholds = previous.thresholds if previous and same else None
        return replace(brain, thresholds=thresholds or self._thresholds(brain, trained))

    def _thresholds(self, brain: Brain, trained: Registered) -> Thresholds | None:
        """Those that keep the operator's risk, found anew for each classifier; None without one."""
        from bot import risk  # noqa: PLC0415 - loads NumPy

        settings = self._settings
        if settings.policy.risk is None:
            return None
        configured = rules_of(settings).thresholds
        allowed, points = settings.policy.risk, trained.manifest.risk
        return risk.thresholds(brain, settings.project, configured, allowed, points)

    def is_current(self, brain: Brain, knowledge: Knowledge) -> bool:
        """Whether `brain` searches these answers, with the encoders that serve now."""
        return brain.knowledge.revision == knowledge.revision and not self.has_promotions

    @property
    def has_promotions(self) -> bool:
        """Whether an encoder was promoted or taken back since the last brain was made."""
        return self._promotions != self.promotions()

    def promotions(self) -> tuple[str, ...]:
        """Names of the tuned encoders that serve instead of their originals."""
        from retrieval.encoders import tuned  # noqa: PLC0415 - not needed to start

        return tuned.promotions(self._registry.encoders)

    async def close(self) -> None:
        """End what runs beside the bot."""
        await self._talking.close()

    def make_retriever(
        self, knowledge: Knowledge, *, on_progress: Progress = lambda _step, _share: None
    ) -> Retriever:
        """A retriever of this knowledge, without a classifier.

        Raises:
            retrieval.errors.RetrievalError: the encoder cannot be made.
        """
        encoder = self._load_encoder(knowledge, on_progress)
        name = self._encoder_folder.name if self._encoder_folder else ""
        return self._retriever(knowledge, name, encoder, on_progress)

    def _retriever(
        self, knowledge: Knowledge, name: str, encoder: RecentEncoder, on_progress: Progress
    ) -> Retriever:
        """One of these answers; only what changed since the last one is made anew."""
        from bot import searching  # noqa: PLC0415 - loads faiss
        from retrieval.search import Retriever  # noqa: PLC0415
        from retrieval.vectors import VectorCache  # noqa: PLC0415

        choice = searching.wanted_expert(self._settings, name, knowledge.answers)
        last = self._last_retriever
        rerank = self._settings.models.rerank
        used = (name, searching.expert_name(self._settings, choice))
        if last is not None and (last.encoder_id, last.expert_id) == used:
            made = last.updated(knowledge.answers)
        else:
            expert = None
            if choice:
                expert = searching.load_expert(self._settings, choice, on_progress)
            made = Retriever(
                knowledge.answers,
                encoder,
                VectorCache(self._settings.data / "vectors" / f"{name}.safetensors", name),
                encoder_id=name,
                expert=expert,
                ways=searching.ways(self._settings, name),
                judge=searching.load_reranker(self._settings) if rerank else None,
                on_progress=on_progress,
            )
        self._last_retriever = made
        return made

    def _load_encoder(self, knowledge: Knowledge, on_progress: Progress) -> RecentEncoder:
        from bot.training.job import prepare_encoder  # noqa: PLC0415
        from retrieval.encoders.recent import RecentEncoder  # noqa: PLC0415
        from retrieval.encoders.runtime import Encoder  # noqa: PLC0415

        loaded = self._encoder_folder.name if self._encoder_folder else None
        if self._encoder is not None and loaded == self._encoder_name(knowledge):
            return self._encoder  # its hashes were checked when it was loaded
        folder = prepare_encoder(self._settings, knowledge.all_english, on_progress)
        self._encoder = RecentEncoder(Encoder(folder, threads=self._settings.models.threads))
        self._encoder_folder = folder
        return self._encoder

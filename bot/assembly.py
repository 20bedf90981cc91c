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
from bot.ports import Classifier, Store
from bot.steering import Steering
from bot.store import open_store
from bot.talking import Talking
from bot.training.registry import Registered, Registry
from classifier import dataset
from classifier.lone import LoneClassifier
from classifier.methods import Method

if TYPE_CHECKING:
    from bot.store.answers import AnswerBook
    from retrieval.candidate import Candidate, Query
    from retrieval.encoders.recent import RecentEncoder
    from retrieval.live import LiveRetriever
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
        compose=policy.compose,
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
        self._promotions: tuple[str, ...] = ()
        self._answers: LiveRetriever | None = None
        self._made_with = ("", "")  # encoders of `_answers`
        self._open_book: AnswerBook | None = None
        self._spare: BrainMaker | None = None  # has loaded what was promoted

    @property
    def book(self) -> AnswerBook:
        """The answers database, opened when it is first asked for.

        Raises:
            errors.StoreError: it cannot be used.
        """
        from bot import library  # noqa: PLC0415 - loads SQLAlchemy

        if self._open_book is None:
            self._open_book = library.open_book(self._settings)
        return self._open_book

    def read_knowledge(self) -> Knowledge:
        """The project folder as it is now; its answers are synced into the answers database.

        Raises:
            errors.KnowledgeError: something in the project folder is broken.
            errors.StoreError: the answers database cannot be used.
        """
        from bot import library  # noqa: PLC0415 - loads SQLAlchemy

        return library.read_into(self.book, self._settings)

    def trained(self, knowledge: Knowledge) -> Registered | None:
        """The model in use, if it was trained on the encoder that this knowledge gets."""
        return self._registry.suiting(self._encoder_name(knowledge))

    def lacks_model(self, knowledge: Knowledge) -> bool:
        """Whether a model must be trained before a brain can be made."""
        return knowledge.can_be_learned and self.trained(knowledge) is None

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
        trained = self.trained(knowledge) if knowledge.can_be_learned else None
        if trained is None and knowledge.can_be_learned:
            raise errors.ModelError("No classifier is trained.", hint="Run `frontdesk train`.")
        self._take_spare(knowledge)
        try:
            encoder = self._load_encoder(knowledge, on_progress)
            classifier: Classifier
            if trained is None:
                classifier = LoneClassifier(knowledge.only_intent)
            elif previous and previous.classifier.model_id == trained.manifest.model_id:
                classifier = previous.classifier
            else:
                threads = self._settings.models.threads
                classifier = model.load(trained.folder, encoder, threads=threads)
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
        if previous is not None and previous.classifier is classifier:
            return replace(brain, thresholds=previous.thresholds)
        return replace(brain, thresholds=self._thresholds(brain, trained))

    def _thresholds(self, brain: Brain, trained: Registered | None) -> Thresholds | None:
        """Those that keep the operator's risk, found anew for each classifier; None without one."""
        from bot import risk  # noqa: PLC0415 - loads NumPy

        settings = self._settings
        if settings.policy.risk is None or trained is None:
            return None
        configured = rules_of(settings).thresholds
        allowed, points = settings.policy.risk, trained.manifest.risk
        return risk.thresholds(brain, settings.project, configured, allowed, points)

    @property
    def has_promotions(self) -> bool:
        """Whether an encoder was promoted or taken back since the last brain was made."""
        return self._promotions != self.promotions()

    def promotions(self) -> tuple[str, ...]:
        """Names of the tuned encoders that serve instead of their originals."""
        from retrieval.encoders import tuned  # noqa: PLC0415 - not needed to start

        return tuned.promotions(self._registry.encoders)

    def prepare(self, knowledge: Knowledge, on_progress: Progress) -> None:
        """Load the promoted encoders and make their index, for the next brain; may take long.

        The index that serves goes on following edits meanwhile.

        Raises:
            retrieval.errors.RetrievalError: an encoder cannot be made.
            errors.StoreError: the answers database cannot be used.
        """
        spare = BrainMaker(self._settings)
        spare._open_book = self.book
        spare.make_retriever(knowledge, on_progress=on_progress)
        self._spare = spare

    def _take_spare(self, knowledge: Knowledge) -> None:
        """Go on with what was prepared, if it is what serves now."""
        spare, self._spare = self._spare, None
        if spare is None or spare._encoder_folder is None:
            return
        if spare._encoder_folder.name == self._encoder_name(knowledge):
            self._encoder, self._encoder_folder = spare._encoder, spare._encoder_folder
            self._answers, self._made_with = spare._answers, spare._made_with

    def is_behind(self, brain: Brain) -> bool:
        """Whether `brain` searches older answers than the database holds, or a lesser index.

        Raises:
            errors.StoreError: the answers database cannot be used.
        """
        if self._answers is None:
            return False
        reached, newest = self._answers.versions
        return brain.retriever is not newest or self.book.revision() != reached

    def followed(self, brain: Brain) -> Brain | None:
        """`brain` with the answers as they are now; takes as long as what changed is large.

        None when more than the answers has to change: the first ones in another language came.

        Raises:
            errors.StoreError: the answers database cannot be used.
        """
        from bot import library  # noqa: PLC0415 - loads SQLAlchemy

        library.keep_own(self.book, brain.knowledge)
        if self._answers is None or self.book.languages() != brain.knowledge.languages:
            return None
        self._answers.catch_up()
        return replace(brain, retriever=self._answers.current)

    def tidy(self) -> None:
        """What may wait after an edit; takes a while, searches and edits go on."""
        if self._answers is not None:
            self._answers.tidy()

    def search(self, query: Query) -> list[Candidate]:
        """The past answers, by retrieval alone, as new as `query.min_revision` or newer.

        Raises:
            errors.NotReady: there is no index yet.
            retrieval.errors.StaleIndex: the database has no such revision.
        """
        if self._answers is None:
            raise errors.NotReady
        return self._answers.search([query])[0]

    async def close(self) -> None:
        """End what runs beside the bot."""
        await self._talking.close()
        self.close_book()

    def close_book(self) -> None:
        """Let go of the answers database; it is opened again when it is asked for."""
        if self._open_book is not None:
            self._open_book.close()
            self._open_book = None

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
        """One of all answers; only what changed since the last one is made anew."""
        from bot import searching  # noqa: PLC0415 - loads faiss
        from retrieval.live import LiveRetriever  # noqa: PLC0415

        choice = searching.wanted_expert(self._settings, name, knowledge.languages)
        used = name, searching.expert_name(self._settings, choice)
        if self._answers is None or self._made_with != used:
            make = searching.maker(self._settings, name, encoder, choice, on_progress)
            self._answers = LiveRetriever(self.book, make)
            self._made_with = used
        else:
            self._answers.catch_up()
        return self._answers.current

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

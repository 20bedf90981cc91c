"""Training of the reranker: kept only if it puts right answers higher on held-out questions."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass

from bot import library
from bot.config import Settings
from bot.training import encoders
from bot.training.encoders import Order, Progress
from bot.training.registry import Registry
from retrieval import reranking
from retrieval.encoders import catalogue, manifest
from retrieval.encoders.runtime import Encoder
from retrieval.reranking import Reranker
from retrieval.training import cross
from retrieval.training.cross import CrossRecipe, Measured
from retrieval.training.material import Text

TRIED = 200  # readings that are timed


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    promoted: bool
    measured: Measured
    milliseconds: float
    """To read the best candidates of one question again, on average."""
    seconds: float


def run(settings: Settings, order: Order, recipe: CrossRecipe, *, on_progress: Progress) -> Outcome:
    """Train a reranker from the encoder that serves; it is kept if it is better than none.

    Raises:
        errors.KnowledgeError: the project cannot be read.
        errors.ModelError: the encoder cannot be made, there is too little to learn, or the disk
            is full.
    """
    knowledge = library.read_all(settings)
    with encoders.explained(settings):
        began = time.monotonic()
        choice = order.only or catalogue.resolve(
            settings.models.encoder, all_english=knowledge.all_english
        )
        models = Registry(settings.data).encoders
        base = catalogue.serving(choice, models, on_progress)
        learned, exams = encoders.lessons(order, knowledge, settings.project)
        network = cross.train(base, learned, recipe, on_progress)
        target = models / reranking.FOLDER
        with manifest.locked(target):
            beside = target.with_name(f"{target.name}-new")
            shutil.rmtree(beside, ignore_errors=True)
            with manifest.build(beside) as folder:
                cross.save(network, base, folder)
                scorer = cross.Scorer(folder, settings.models.threads)
                found = cross.measure(scorer, Encoder(base), exams)
                cross.seal(folder, found, base.name)
            spent_ms = _timed(Reranker(beside, threads=settings.models.threads), exams[0].pool)
            promoted = found.is_better and order.promote
            if promoted:
                shutil.rmtree(target, ignore_errors=True)
                beside.rename(target)
            else:
                shutil.rmtree(beside)
    seconds = round(time.monotonic() - began, 1)
    return Outcome(promoted=promoted, measured=found, milliseconds=spent_ms, seconds=seconds)


def _timed(reranker: Reranker, pool: tuple[Text, ...]) -> float:
    began, count = time.perf_counter(), 0
    for start in range(0, min(len(pool), TRIED * reranking.DEPTH), reranking.DEPTH):
        some = [text.text for text in pool[start : start + reranking.DEPTH]]
        reranker.scores(some[0], some)
        count += 1
    return round((time.perf_counter() - began) / max(1, count) * 1000, 2)

"""Asks a retriever every query of a collection and measures: ranking, speed, and its own index."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from bot.config import Settings
from bot.evaluation import wording
from bot.evaluation.asking import Asking, Mode
from retrieval import evaluation
from retrieval.candidate import Query
from retrieval.evaluation import BeirFolder
from retrieval.index import Allowed, ExactIndex
from retrieval.scoring import Ways

if TYPE_CHECKING:
    from retrieval.search import Retriever

Figures = dict[str, float | int | dict[str, float]]
Progress = Callable[[str, float], None]
TIMED = 300  # queries asked one by one for the latencies
CHECKED = 200  # queries for which the index is compared with the exact one
BATCH = 64
NEIGHBOURS = 10


def ways(mode: Mode) -> Ways:
    """The evidence of `mode`: that of the search, or a part of it."""
    return Ways(by_meaning=mode is not Mode.LEXICAL, by_words=mode is not Mode.DENSE)


def evaluate(
    settings: Settings, asking: Asking, on_progress: Progress
) -> tuple[Figures, dict[str, float]]:
    """The figures of one collection, and how near the first answers are to the right ones.

    Raises:
        retrieval.errors.RetrievalError: the collection is broken or there is no such encoder.
    """
    from bot import searching  # noqa: PLC0415 - loads onnxruntime
    from retrieval.encoders import catalogue  # noqa: PLC0415

    found = evaluation.read_beir(asking.folder)
    english = all(answer.lang == searching.ENGLISH for answer in found.answers)
    choice = catalogue.resolve(asking.encoder, all_english=english)
    if asking.encoder == catalogue.AUTO:  # a bot with Chinese answers too: the default set-up
        choice = catalogue.resolve(catalogue.AUTO, all_english=False)
    place = settings.data / "vectors" / "beir" / asking.folder.resolve().name
    retriever, encoder = searching.beside(
        settings,
        found.answers,
        choice,
        place,
        with_expert=asking.encoder == catalogue.AUTO,
        mode=ways(asking.mode),
        judge=searching.load_reranker(settings) if asking.mode is Mode.RERANK else None,
        on_progress=on_progress,
    )
    texts = list(found.queries.values())
    ranked = dict(zip(found.queries, _ranked(retriever, texts, on_progress), strict=True))
    figures: Figures = {
        "queries": len(texts),
        "documents": len(found.answers),
        **{name: round(v, 4) for name, v in evaluation.metrics(ranked, found.relevant).items()},
        "latency_ms": _latencies(retriever, texts[:TIMED]),
        "ann_recall@10": round(_index_recall(retriever, encoder.encode(texts[:CHECKED])), 4),
    }
    return figures, _wording(found, ranked)


def _wording(found: BeirFolder, ranked: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """BLEU and chrF of the first answer to each query against the texts of the right ones."""
    texts = {answer.id: answer.text for answer in found.answers}
    said = [texts[names[0]] if names else "" for names in ranked.values()]
    references = [
        [texts[name] for name in found.relevant[query] if name in texts] for query in ranked
    ]
    many = [evaluation.language_of(text) for text in found.queries.values()]
    return wording.measure(said, references, max(set(many), key=many.count, default="en"))


def _query(text: str, k: int) -> Query:
    return Query(
        text=text,
        language=evaluation.language_of(text),
        channel="",
        now=datetime.now(UTC),
        k=k,
    )


def _ranked(retriever: Retriever, texts: Sequence[str], on_progress: Progress) -> list[list[str]]:
    ranked: list[list[str]] = []
    for start in range(0, len(texts), BATCH):
        queries = [_query(text, evaluation.DEPTH) for text in texts[start : start + BATCH]]
        ranked += [[c.answer.id for c in found] for found in retriever.search(queries)]
        on_progress(f"asking {len(texts)} queries", min(1.0, (start + BATCH) / len(texts)))
    return ranked


def _latencies(retriever: Retriever, texts: Sequence[str]) -> dict[str, float]:
    """Of a whole search for one query, its encoding included, in milliseconds."""
    times = []
    for text in texts:
        started = time.perf_counter()
        retriever.search([_query(text, NEIGHBOURS)])
        times.append((time.perf_counter() - started) * 1000)
    cuts = statistics.quantiles(times, n=20) if len(times) > 1 else [*times] * 19
    return {"p50": round(statistics.median(times), 2), "p95": round(cuts[18], 2)}


def _index_recall(retriever: Retriever, raw: np.ndarray) -> float:
    """Share of the true nearest texts that the index in use finds."""
    whole, hits = 0, 0
    for segment in retriever.segments:
        exact = ExactIndex(segment.vectors)
        everything = Allowed(np.ones(len(segment.vectors), np.bool_))
        for vector in retriever.whitened(raw):
            true = exact.search(vector, everything, NEIGHBOURS)[0]
            near = segment.dense.search(vector, everything, NEIGHBOURS)[0]
            hits += len(np.intersect1d(true, near))
            whole += len(true)
    return hits / max(whole, 1)

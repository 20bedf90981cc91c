"""Measures search at size, edits under load, and codes; made-up entries around real questions.

Nobody encodes a million texts to see how an index behaves: an entry's vector is that of a real
question with noise, so that neighbours are as crowded as in real text. The time to encode a query
is therefore not part of these figures; `frontdesk retrieval evaluate` has it. Times are of the
clock, and beside them those of the processor, which other work on the machine does not change.
"""

from __future__ import annotations

import csv
import random
import statistics
import threading
import time
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot import errors
from bot.store.answers import AnswerBook
from retrieval import index
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.recent import RecentEncoder
from retrieval.encoders.spec import Side, Vectors
from retrieval.live import LiveRetriever
from retrieval.search import Retriever
from retrieval.vectors import TextEncoder, VectorCache

Figures = dict[str, float | int]
REAL = 2_000  # real questions whose vectors the made-up ones lie around
NOISE = 0.45  # length of what is added to a unit vector
SEARCHES = 300
CODES = 200
NEIGHBOURS = 10
SEED = 13


class AroundReal:
    """An encoder of made-up texts: a real question's vector and noise, the same for equal texts."""

    def __init__(self, real: Vectors) -> None:
        """Keep the vectors (n, dim) of real questions."""
        self._real = real

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (len(texts), dim)."""
        found = np.empty((len(texts), self._real.shape[1]), np.float32)
        for row, text in enumerate(texts):
            seed = zlib.crc32(f"{side} {text}".encode())
            noise = np.random.default_rng(seed).normal(size=found.shape[1])
            near = self._real[zlib.crc32(text.rsplit(" ", 1)[0].encode()) % len(self._real)]
            found[row] = near + NOISE * noise / np.linalg.norm(noise)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def real_questions(data: Path) -> list[str]:
    """Different questions of the data set `dstc9_faq`, in a fixed order.

    Raises:
        errors.ConfigError: it is not there.
    """
    path = data / "dstc9_faq" / "test.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = list(dict.fromkeys(row["question"] for row in csv.DictReader(file)))
    except (OSError, KeyError) as cause:
        raise errors.ConfigError(
            f"{path} cannot be read: {cause}.", hint="Name the folder of the data sets with --data."
        ) from cause
    random.Random(SEED).shuffle(found)  # noqa: S311 - no secret
    return found


def dense(real: Vectors, size: int) -> Figures:
    """Search by meaning alone among `size` made-up vectors: time, recall and memory."""
    dice = np.random.default_rng(SEED)
    vectors = np.empty((size, real.shape[1]), np.float16 if size > 200_000 else np.float32)
    for start in range(0, size, 20_000):
        many = min(20_000, size - start)
        vectors[start : start + many] = _noisy(real, many, dice)
    asked = _noisy(real, SEARCHES, dice)
    began = time.perf_counter()
    built = index.choose(vectors)
    built_s = time.perf_counter() - began
    everything = index.Allowed(np.ones(size, np.bool_))
    times, cpu, hits = [], [], 0
    exact = index.true_neighbours(vectors, asked)
    for vector, true in zip(asked, exact, strict=True):
        began, worked = time.perf_counter(), time.thread_time()
        rows, _ = built.search(vector, everything, NEIGHBOURS)
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.thread_time() - worked) * 1000)
        hits += len(np.intersect1d(rows, true))
    eight_bits = real.shape[1] + 8 if isinstance(built, index.ClusterIndex) else 0
    row_bytes = vectors.itemsize * real.shape[1] * (1 if eight_bits else 2) + eight_bits
    return {
        "entries": size,
        "p50_ms": _round(statistics.median(times)),
        "p95_ms": _round(statistics.quantiles(times, n=20)[18]),
        "p95_cpu_ms": _round(statistics.quantiles(cpu, n=20)[18]),
        "recall@10": round(hits / exact.size, 4),
        "built_s": round(built_s, 1),
        "memory_mb": round(size * row_bytes / 1e6, 1),
        "clusters_searched": getattr(built, "probes", 0),
    }


def hybrid(questions: Sequence[str], real: Vectors, size: int, folder: Path) -> Figures:
    """The whole search but for the encoding, among `size` made-up entries."""
    encoder = AroundReal(real)
    cache = VectorCache(folder / f"bench-{size}.safetensors", "bench")
    made = [_entry(questions, number) for number in range(size)]
    began = time.perf_counter()
    remembering = RecentEncoder(encoder)
    retriever = Retriever(made, remembering, cache, encoder_id="bench")
    built_s = time.perf_counter() - began
    dice = random.Random(SEED)  # noqa: S311 - no secret
    times, cpu = [], []
    for _ in range(SEARCHES):
        query = _query(f"{dice.choice(questions)} {dice.randrange(size)}")
        remembering.encode([query.text])  # not part of what is measured
        began, worked = time.perf_counter(), time.thread_time()
        retriever.search([query])
        times.append((time.perf_counter() - began) * 1000)
        cpu.append((time.thread_time() - worked) * 1000)
    return {
        "entries": size,
        "p50_ms": _round(statistics.median(times)),
        "p95_ms": _round(statistics.quantiles(times, n=20)[18]),
        "p95_cpu_ms": _round(statistics.quantiles(cpu, n=20)[18]),
        "built_s": round(built_s, 1),
    }


def edits(
    questions: Sequence[str], real: Vectors, folder: Path, *, size: int, count: int
) -> Figures:
    """Edits among `size` entries while others search: time until an edit is found, and slowdown."""
    book = AnswerBook(folder / "bench-answers.db")
    book.sync([_entry(questions, number) for number in range(size)], origin="bench")
    cache = VectorCache(folder / "bench-edits.safetensors", "bench")
    encoder = AroundReal(real)
    live = LiveRetriever(book, lambda a: Retriever(a, encoder, cache, encoder_id="bench"))
    calm = _search_times(live, questions, threading.Event(), SEARCHES)
    stop, under_load = threading.Event(), list[float]()
    searcher = threading.Thread(
        target=lambda: under_load.extend(_search_times(live, questions, stop, None))
    )
    searcher.start()
    times, stale = [], 0
    for number in range(count):
        began = time.perf_counter()
        entry = _entry(questions, number * 7 % size, said=f"Edited {number}.")
        receipt = book.put([entry], origin="bench")
        found = live.search([_query(entry.questions[0], receipt.revision)])[0]
        times.append(time.perf_counter() - began)
        stale += any(c.answer.id == entry.id and c.answer != entry for c in found)
        if live.current.is_scattered:
            live.compact()
    stop.set()
    searcher.join()
    book.close()
    return {
        "entries": size,
        "edits": count,
        "p50_s": round(statistics.median(times), 4),
        "p99_s": round(statistics.quantiles(times, n=100)[98], 4),
        "stale": stale,
        "search_ms_calm": _round(statistics.median(calm)),
        "search_ms_under_edits": _round(statistics.median(under_load or calm)),
    }


def codes(encoder: TextEncoder, folder: Path) -> Figures:
    """How often the entry that names the code of a question stands first, of 200."""
    made, asked = _coded()
    retriever = Retriever(
        made, encoder, VectorCache(folder / "bench-codes.safetensors", "codes"), encoder_id="codes"
    )
    best = [found[0].answer.id for found in retriever.search([_query(text) for text in asked])]
    right = sum(name == answer.id for name, answer in zip(best, made, strict=True))
    return {"codes": len(made), "first": right, "share": round(right / len(made), 4)}


def _coded() -> tuple[list[PastAnswer], list[str]]:
    """Entries that differ by their code only, and a question to each that writes it otherwise."""
    dice = random.Random(SEED)  # noqa: S311 - no secret
    kinds = (
        ("Where is order {}?", "Order {} left our depot.", "any news about order {}", "8{:07d}"),
        ("What does error {} mean?", "Error {}: restart it.", "my screen says {}", "E{:04d}"),
        ("Is {} in stock?", "Item {} is in stock.", "do you still have {}?", "SKU-{:04d}-B"),
        ("订单{}到哪了？", "订单{}已发货。", "帮我查一下{}", "DD-{:06d}"),
    )
    made, asked = [], []
    for number, value in enumerate(dice.sample(range(1_000, 9_999), CODES)):
        question, answer, visitor, form = kinds[number % len(kinds)]
        code = form.format(value)
        other = dice.choice((str.lower, str.upper, _full_width, _underlined))
        lang = "zh" if question.startswith("订") else "en"
        made.append(
            PastAnswer(id=code, lang=lang, intent="", questions=(question.format(code),),
                       text=answer.format(code))
        )  # fmt: skip
        asked.append(visitor.format(other(code)))
    return made, asked


def _underlined(code: str) -> str:
    return code.replace("-", "_")


def _full_width(code: str) -> str:
    return "".join(chr(ord(char) + 0xFEE0) for char in code)


def _entry(questions: Sequence[str], number: int, said: str = "") -> PastAnswer:
    question = f"{questions[number % len(questions)]} {number}"
    return PastAnswer(
        id=f"made-{number}", lang="en", intent="", questions=(question,),
        text=said or f"This is what we know about number {number}.",
    )  # fmt: skip


def _query(text: str, revision: int = 0) -> Query:
    lang = "zh" if any("\u3400" <= char <= "\u9fff" for char in text) else "en"
    return Query(text=text, language=lang, channel="", now=datetime.now(UTC), k=NEIGHBOURS,
                 min_revision=revision)  # fmt: skip


def _search_times(
    live: LiveRetriever, questions: Sequence[str], stop: threading.Event, count: int | None
) -> list[float]:
    times: list[float] = []
    while not stop.is_set() and (count is None or len(times) < count):
        query = _query(f"{questions[len(times) % len(questions)]} {len(times)}")
        began = time.perf_counter()
        live.search([query])
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(0.01)  # about a hundred searches a second
    return times


def _noisy(real: Vectors, many: int, dice: np.random.Generator) -> Vectors:
    noise = dice.normal(size=(many, real.shape[1])).astype(np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    found = real[dice.integers(len(real), size=many)] + noise
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _round(milliseconds: float) -> float:
    return round(milliseconds, 3)

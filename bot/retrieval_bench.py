"""Measures search at size, and codes; made-up entries around real questions.

Nobody encodes a million texts to see how an index behaves: a text's vector is that of a real
question with noise, so that neighbours are as crowded as in real text. Its words are those of a
real question or answer with a number. The time to encode a query
is therefore not part of these figures; `frontdesk retrieval evaluate` has it. Times are of the
clock, and beside them those of the processor, which other work on the machine does not change.
"""

from __future__ import annotations

import csv
import math
import mmap
import random
import statistics
import time
import zlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from bot import errors
from retrieval import index
from retrieval.candidate import PastAnswer, Query
from retrieval.encoders.recent import RecentEncoder
from retrieval.encoders.spec import Side, Vectors
from retrieval.search import Retriever
from retrieval.shelf import Shelf
from retrieval.vectors import TextEncoder, VectorCache

Figures = dict[str, float | int]
Pair = tuple[str, str]
"""A question and an answer."""
REAL = 2_000  # real questions whose vectors the made-up ones lie around
NOISE = 0.45  # length of what is added to a unit vector
SEARCHES = 300
WARM_UP = 30
NOISES = 4096  # noise vectors, of which each text gets two
KEY = b"frontdesk bench"
CODES = 200
NEIGHBOURS = 10
SEED = 13


class AroundReal:
    """An encoder of made-up texts: a real question's vector and noise, the same for equal texts."""

    def __init__(self, real: Vectors) -> None:
        """Keep the vectors (n, dim) of real questions."""
        self._real = real
        noise = np.random.default_rng(SEED).normal(size=(NOISES, real.shape[1]))
        self._noise = (noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32)

    def encode(self, texts: Sequence[str], side: Side = Side.QUERY) -> Vectors:
        """Unit vectors (len(texts), dim)."""
        dice = np.array([zlib.crc32(f"{side} {text}".encode()) for text in texts], np.int64)
        near = [zlib.crc32(text.rsplit(" ", 1)[0].encode()) % len(self._real) for text in texts]
        two = self._noise[dice % NOISES] + self._noise[dice // NOISES % NOISES]  # (n, dim)
        found = self._real[near] + NOISE / math.sqrt(2) * two
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def real_pairs(data: Path) -> list[Pair]:
    """Questions of the data set `dstc9_faq`, each once, with an answer; in a fixed order.

    Raises:
        errors.ConfigError: it is not there.
    """
    path = data / "dstc9_faq" / "test.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = {row["question"]: row["answer"] for row in csv.DictReader(file)}
    except (OSError, KeyError) as cause:
        raise errors.ConfigError(
            f"{path} cannot be read: {cause!r}.",
            hint="Name the folder of the data sets with --data.",
        ) from cause
    pairs = list(found.items())
    random.Random(SEED).shuffle(pairs)  # noqa: S311 - no secret
    return pairs


def dense(real: Vectors, size: int) -> Figures:
    """Search by meaning alone among `size` made-up vectors: time, recall and memory."""
    dice = np.random.default_rng(SEED)
    vectors = np.empty((size, real.shape[1]), np.float16 if size > 200_000 else np.float32)
    for start in range(0, size, 20_000):
        many = min(20_000, size - start)
        vectors[start : start + many] = _noisy(real, many, dice)
    asked = _noisy(real, SEARCHES, dice)
    everything = index.Allowed(np.ones(size, np.bool_))
    began = time.perf_counter()
    built = index.choose(vectors)
    built_s = time.perf_counter() - began
    for vector in asked[:WARM_UP]:
        built.search(vector, everything, NEIGHBOURS)
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


def hybrid(pairs: Sequence[Pair], real: Vectors, size: int, folder: Path) -> Figures:
    """The whole search but for the encoding, among `size` made-up entries; and a second start."""
    made = [entry(pairs, number) for number in range(size)]
    encoder = RecentEncoder(AroundReal(real))
    make = maker(encoder, folder, f"hybrid-{size}")
    before, began = resident_mb(), time.perf_counter()
    retriever = make(made)
    built_s = time.perf_counter() - began
    taken = resident_mb() - before
    dice = random.Random(SEED)  # noqa: S311 - no secret
    times, cpu = [], []
    for number in range(WARM_UP + SEARCHES):
        asked = query(f"{dice.choice(pairs)[0]} {dice.randrange(size)}")
        encoder.encode([asked.text])  # not part of what is measured
        began, worked = time.perf_counter(), time.thread_time()
        retriever.search([asked])
        if number >= WARM_UP:
            times.append((time.perf_counter() - began) * 1000)
            cpu.append((time.thread_time() - worked) * 1000)
    del retriever
    began = time.perf_counter()
    maker(encoder, folder, f"hybrid-{size}")(made)
    return {
        "entries": size,
        "p50_ms": _round(statistics.median(times)),
        "p95_ms": _round(statistics.quantiles(times, n=20)[18]),
        "p95_cpu_ms": _round(statistics.quantiles(cpu, n=20)[18]),
        "built_s": round(built_s, 1),
        "started_again_s": round(time.perf_counter() - began, 1),
        "resident_mb": round(taken),
        "disk_mb": round(
            sum(path.stat().st_size for path in folder.rglob(f"hybrid-{size}*")) / 1e6
        ),
    }


def maker(
    encoder: TextEncoder, folder: Path, name: str
) -> Callable[[Sequence[PastAnswer]], Retriever]:
    """Makes retrievers that keep their vectors and their index in `folder`."""
    shelf = Shelf(folder / f"{name}-index.safetensors", KEY)

    def make(answers: Sequence[PastAnswer]) -> Retriever:
        cache = VectorCache(folder / f"{name}.safetensors", name)
        return Retriever(answers, encoder, cache, encoder_id=name, shelf=shelf)

    return make


def resident_mb() -> float:
    """Memory of this process, in MB; 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return 0.0
    return pages * mmap.PAGESIZE / 1e6


def codes(encoder: TextEncoder, folder: Path) -> Figures:
    """How often the entry that names the code of a question stands first, of 200."""
    made, asked = _coded()
    retriever = Retriever(
        made, encoder, VectorCache(folder / "bench-codes.safetensors", "codes"), encoder_id="codes"
    )
    best = [found[0].answer.id for found in retriever.search([query(text) for text in asked])]
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


def entry(pairs: Sequence[Pair], number: int, said: str = "") -> PastAnswer:
    """A made-up entry: a real question and a real answer, each with a number."""
    question, answer = pairs[number % len(pairs)]
    return PastAnswer(
        id=f"made-{number}", lang="en", intent="", questions=(f"{question} {number}",),
        text=said or f"{answer} {number}",
    )  # fmt: skip


def query(text: str, revision: int = 0) -> Query:
    """A question of a benchmark."""
    lang = "zh" if any("\u3400" <= char <= "\u9fff" for char in text) else "en"
    return Query(text=text, language=lang, channel="", now=datetime.now(UTC), k=NEIGHBOURS,
                 min_revision=revision)  # fmt: skip


def _noisy(real: Vectors, many: int, dice: np.random.Generator) -> Vectors:
    noise = dice.normal(size=(many, real.shape[1])).astype(np.float32)
    noise *= NOISE / np.linalg.norm(noise, axis=1, keepdims=True)
    found = real[dice.integers(len(real), size=many)] + noise
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _round(milliseconds: float) -> float:
    return round(milliseconds, 3)

"""Measures edits: how soon they are found, what they cost those who search, and what a kill loses.

Answers are made up as in `bot.retrieval_bench`; database, index and their files are the real ones.
"""

from __future__ import annotations

import multiprocessing
import random
import statistics
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from bot.retrieval_bench import SEARCHES, SEED, AroundReal, Figures, Pair, entry, maker, query
from bot.store.answers import AnswerBook
from retrieval import search
from retrieval.encoders.spec import Vectors
from retrieval.live import LiveRetriever
from retrieval.segment import entries_of

EDITS_PER_S = 20
SEARCH_EVERY_S = 0.01
KILLED_ENTRIES = 4_100  # enough for an index that is kept on disk
KILLED_DIM = 48
KILL_AFTER_S = (0.02, 0.8)  # after the first edit
PAIRS = [
    (f"Is there {thing}?", f"Yes, {thing} is included.")
    for thing in ("parking", "a pool", "breakfast", "a gym", "wifi")
]


def edits(pairs: Sequence[Pair], real: Vectors, folder: Path, *, size: int, count: int) -> Figures:
    """Edits among `size` entries while others search: time until an edit is found, and slowdown."""
    book = AnswerBook(folder / "edits.db")
    book.sync([entry(pairs, number) for number in range(size)], origin="bench")
    live = LiveRetriever(book, maker(AroundReal(real), folder, "edits"))
    calm = _search_times(live, pairs, threading.Event(), 2 * SEARCHES)[SEARCHES:]
    stop, under_load = threading.Event(), list[float]()
    beside = [
        threading.Thread(target=lambda: under_load.extend(_search_times(live, pairs, stop, None))),
        threading.Thread(target=_tidy_until, args=(live, stop)),
    ]
    for thread in beside:
        thread.start()
    times, stale = [], 0
    for number in range(count):
        began = time.perf_counter()
        edited = entry(pairs, number * 7 % size, said=f"Edited {number}.")
        receipt = book.put([edited], origin="bench")
        found = live.search([query(edited.questions[0], receipt.revision)])[0]
        times.append(time.perf_counter() - began)
        old = any(one.answer.id == edited.id and one.answer != edited for one in found)
        stale += old or live.current.entry(edited.id) != (edited,)
        time.sleep(max(0.0, 1 / EDITS_PER_S - times[-1]))
    stop.set()
    for thread in beside:
        thread.join()
    book.close()
    before, after = (_middle_and_95(found) for found in (calm, under_load or calm))
    return {
        "entries": size,
        "edits": count,
        "p50_s": round(statistics.median(times), 4),
        "p99_s": round(statistics.quantiles(times, n=100)[98], 4),
        "stale": stale,
        "search_p50_ms_calm": before[0],
        "search_p50_ms_under_edits": after[0],
        "search_p95_ms_calm": before[1],
        "search_p95_ms_under_edits": after[1],
        "slowed_share": round(after[0] / before[0] - 1, 3),
    }


def kills(folder: Path, count: int) -> Figures:
    """Kill a process that edits, again and again, and look at what is left.

    Each time: every acknowledged edit is in the database, and the index that is opened from the
    files equals it.
    """
    book = AnswerBook(folder / "kills.db")
    book.sync([entry(PAIRS, number) for number in range(KILLED_ENTRIES)], origin="bench")
    make = maker(AroundReal(_vectors()), folder, "kills")
    make(book.answers())
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bot.edit_bench"])
    dice = random.Random(SEED)  # noqa: S311 - no secret
    lost = differs = acknowledged = 0
    for number in range(count):
        ours, theirs = context.Pipe(duplex=False)
        child = context.Process(target=_edit_for_ever, args=(str(folder), number, theirs))
        child.start()
        theirs.close()
        said = _killed(child, ours, dice.uniform(*KILL_AFTER_S))
        acknowledged += len(said)
        truth = entries_of(book.answers())
        lost += sum(_is_lost(truth[name][0].text, text) for name, text in said.items())
        opened = LiveRetriever(book, make).current
        differs += {name: opened.entry(name) for name in opened.names()} != truth
    book.close()
    return {"kills": count, "acknowledged": acknowledged, "lost": lost, "index_differs": differs}


def _killed(
    child: multiprocessing.process.BaseProcess, ours: Connection, after_s: float
) -> dict[str, str]:
    """Kill `child` some time after its first edit; the last acknowledged text of each entry."""
    said: dict[str, str] = {}
    deadline: float | None = None
    try:
        while True:
            if deadline is not None and time.monotonic() >= deadline:
                child.kill()
                deadline = None if not child.is_alive() else deadline + 0.1
            if ours.poll(0.01):
                name, text = ours.recv_bytes().decode().split("\t")
                said[name] = text
                if len(said) == 1 and deadline is None:
                    deadline = time.monotonic() + after_s
    except EOFError:
        child.join()
        return said


def _is_lost(now: str, acknowledged: str) -> bool:
    """Whether an entry is older than what was acknowledged; a newer one was on its way."""
    return int(now.rsplit(" ", 1)[1]) < int(acknowledged.rsplit(" ", 1)[1])


def _edit_for_ever(folder: str, seed: int, said: Connection) -> None:
    """Edit, follow, and write the index to the disk as often as possible, until killed."""
    search.MAX_LAYERS, search.DEAD_SHARE, search.FRESH_LEAST = 1, 0.0001, 2
    book = AnswerBook(Path(folder) / "kills.db")
    live = LiveRetriever(book, maker(AroundReal(_vectors()), Path(folder), "kills"))
    stop = threading.Event()
    threading.Thread(target=_tidy_until, args=(live, stop), daemon=True).start()
    dice = random.Random(seed)  # noqa: S311 - no secret
    for step in range(1_000_000):
        edited = entry(PAIRS, dice.randrange(KILLED_ENTRIES), said=f"Said {seed}{step:06d}")
        book.put([edited], origin="bench")
        said.send_bytes(f"{edited.id}\t{edited.text}".encode())
        live.catch_up()


def _tidy_until(live: LiveRetriever, stop: threading.Event) -> None:
    while not stop.wait(0.05):
        live.tidy()


def _vectors() -> Vectors:
    found = np.random.default_rng(SEED).normal(size=(30, KILLED_DIM))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), np.float32)


def _search_times(
    live: LiveRetriever, pairs: Sequence[Pair], stop: threading.Event, count: int | None
) -> list[float]:
    times: list[float] = []
    while not stop.is_set() and (count is None or len(times) < count):
        asked = query(f"{pairs[len(times) % len(pairs)][0]} {len(times)}")
        began = time.perf_counter()
        live.search([asked])
        times.append((time.perf_counter() - began) * 1000)
        time.sleep(SEARCH_EVERY_S)
    return times


def _middle_and_95(times: Sequence[float]) -> tuple[float, float]:
    return round(statistics.median(times), 3), round(statistics.quantiles(times, n=20)[18], 3)

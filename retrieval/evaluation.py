"""Ranking metrics as pure functions, and the collections that they are measured on (BEIR).

BEIR layout (Thakur et al. 2021): `corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`. A document of
several lines holds a question in the first and its answer below.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval import errors
from retrieval.candidate import PastAnswer
from retrieval.readers import rows

DEPTH = 100  # candidates ranked for each query
CUTS = (1, 5, 10)


@dataclass(frozen=True, slots=True, kw_only=True)
class BeirFolder:
    """Documents, queries and which document answers which query."""

    answers: tuple[PastAnswer, ...]
    queries: Mapping[str, str]
    relevant: Mapping[str, Mapping[str, int]]
    """Query id → document id → grade, above 0."""


def read_beir(folder: Path, part: str = "test") -> BeirFolder:
    """The collection in `folder`; only queries that have a relevant document.

    Raises:
        errors.CorpusError: a file is missing or broken.
    """
    answers = read_corpus(folder)
    texts = {str(row["_id"]): str(row["text"]) for row in _rows(folder / "queries.jsonl")}
    relevant = _qrels(folder / "qrels" / f"{part}.tsv")
    queries = {name: text for name, text in texts.items() if relevant.get(name)}
    return BeirFolder(answers=answers, queries=queries, relevant=relevant)


def read_corpus(folder: Path) -> tuple[PastAnswer, ...]:
    """The documents in `folder` as answers.

    Raises:
        errors.CorpusError: the file is missing or broken.
    """
    return tuple(_document(row) for row in _rows(folder / "corpus.jsonl"))


def language_of(text: str) -> str:
    """Chinese if `text` holds a Han character, else English."""
    return rows.language_of(text)


def metrics(
    ranked: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]
) -> dict[str, float]:
    """Means over the queries of `ranked`, which are document ids, best first."""
    each = [_of_one(found, relevant[query]) for query, found in ranked.items()]
    names = [*(f"recall@{cut}" for cut in CUTS), "mrr@10", "ndcg@10", "map"]
    return {name: sum(row[name] for row in each) / max(len(each), 1) for name in names}


def _of_one(found: Sequence[str], grades: Mapping[str, int]) -> dict[str, float]:
    hits = [place for place, name in enumerate(found, start=1) if name in grades]
    gains = [(2 ** grades[name] - 1) / math.log2(place + 1)
             for place, name in enumerate(found[:10], start=1) if name in grades]  # fmt: skip
    ideal = sorted(grades.values(), reverse=True)[:10]
    best = sum((2**grade - 1) / math.log2(place + 1) for place, grade in enumerate(ideal, start=1))
    row: dict[str, float] = {f"recall@{cut}": _recall(hits, cut, len(grades)) for cut in CUTS}
    row["mrr@10"] = 1 / hits[0] if hits and hits[0] <= 10 else 0.0
    row["ndcg@10"] = sum(gains) / best
    row["map"] = sum((i + 1) / place for i, place in enumerate(hits)) / len(grades)
    return row


def _recall(hits: Collection[int], cut: int, wanted: int) -> float:
    """Share of what could be found in the first `cut` places that is found there."""
    return sum(place <= cut for place in hits) / min(cut, wanted)


def _document(row: Mapping[str, Any]) -> PastAnswer:
    title, text = str(row.get("title") or "").strip(), str(row["text"])
    first, _, rest = text.partition("\n")
    question = (title or first).strip() or "?"
    answer = (text if title else rest).strip() or question
    return PastAnswer(
        id=str(row["_id"]),
        lang=language_of(text),
        intent="",
        questions=(question,),
        text=answer,
    )


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as cause:
        raise errors.CorpusError(
            f"cannot be read: {cause}.", path=str(path), hint="Name a folder in BEIR layout."
        ) from cause
    for number, line in enumerate(lines, start=1):
        try:
            row = json.loads(line)
            row["_id"], row["text"]
        except (ValueError, KeyError, TypeError) as cause:
            raise errors.CorpusError(
                f"no document: {cause}.",
                path=str(path),
                line=number,
                hint='Write {"_id": "...", "text": "..."}.',
            ) from cause
        yield row


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t"):
                if int(row["score"]) > 0:
                    found.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    except (OSError, KeyError, ValueError) as cause:
        raise errors.CorpusError(
            f"no relevance judgements: {cause!r}.",
            path=str(path),
            hint="Tab-separated columns query-id, corpus-id, score with a header.",
        ) from cause
    return found

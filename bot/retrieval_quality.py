"""Ranks public collections: every kind of evidence, and encoders that were trained on other data.

No query of a collection is trained on, nor what it was made from: the pairs of `lcqmc_zh` train the
encoder that is measured on `atec_zh`, and the other way round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.config import Settings
from bot.evaluation import ranking
from bot.evaluation.asking import Asking, Mode
from bot.training import encoders
from bot.training.encoders import Order, Progress
from bot.training.registry import Registry
from retrieval.encoders import catalogue

Figures = dict[str, float | int]
BEST_SINGLE = "best English-only encoder"
SHOWN = ("recall@1", "recall@10", "mrr@10", "ndcg@10")
DEFAULT = catalogue.AUTO


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A BEIR folder, what may train the encoder for it, and what is to be reached."""

    name: str
    trained_on: tuple[str, ...]
    """Files below the data folder."""
    goal_first: float = 0.0
    """Recall at 1 to reach with training or reranking; 0 for none."""
    goal_mrr: float = 0.0
    gain: float = 0.0
    """By how much the mean reciprocal rank of hybrid search is to beat the better single one."""
    english: bool = False


COLLECTIONS = (
    Collection(name="covidfaq_en", trained_on=("dstc9_faq/train.csv", "banking77/train.csv"),
               goal_first=0.66, gain=0.02, english=True),
    Collection(name="lcqmc_zh", trained_on=("atec_zh/pairs.csv",), goal_first=0.88),
    Collection(name="atec_zh", trained_on=("lcqmc_zh/pairs.csv",), goal_mrr=0.155, gain=0.02),
)  # fmt: skip


def rows(
    settings: Settings, data: Path, only: str, on_progress: Progress, *, train: bool
) -> Iterator[tuple[str, Figures]]:
    """The figures of each collection whose name holds `only`, row by row.

    Raises:
        retrieval.errors.RetrievalError: a collection is missing or broken.
        errors.ModelError: a training failed.
    """
    for one in COLLECTIONS:
        if only not in one.name:
            continue
        singles = []
        for mode in (Mode.LEXICAL, Mode.DENSE, Mode.HYBRID):
            found = _ranked(settings, data, one, mode, DEFAULT, on_progress)
            if mode is not Mode.HYBRID:
                singles.append(found["mrr@10"])
            elif one.gain:
                found |= {"mrr_to_reach": round(max(singles) + one.gain, 4)}
            yield f"{one.name}, {mode.value}", found
        if one.english:
            alone = _ranked(settings, data, one, Mode.HYBRID, "minilm-en", on_progress)
            yield f"{one.name}, {BEST_SINGLE}", alone
        if train:
            yield f"{one.name}, trained on other data", _trained(settings, data, one, on_progress)


def _trained(settings: Settings, data: Path, one: Collection, on_progress: Progress) -> Figures:
    own = settings.model_copy(update={"data": settings.data / "bench" / one.name})
    models = Registry(own.data).encoders
    (models / "encoders").mkdir(parents=True, exist_ok=True)
    choice = catalogue.resolve(DEFAULT, all_english=False)
    original = catalogue.prepare(choice, Registry(settings.data).encoders, on_progress)
    link = models / "encoders" / original.name
    if not link.exists():
        link.symlink_to(original.resolve(), target_is_directory=True)
    order = Order(
        files=tuple(data / name for name in one.trained_on), only=choice, holdout=0.1, head=False
    )
    outcome = encoders.run(own, order, on_progress=on_progress)[0]
    found = _ranked(own, data, one, Mode.HYBRID, DEFAULT, on_progress)
    goals = {"recall@1_to_reach": one.goal_first, "mrr_to_reach": one.goal_mrr}
    spent: Figures = {"promoted": int(outcome.promoted), "training_s": outcome.seconds}
    return found | {name: goal for name, goal in goals.items() if goal} | spent


def _ranked(
    settings: Settings, data: Path, one: Collection, mode: Mode, encoder: str, on_progress: Progress
) -> Figures:
    asking = Asking(folder=data / one.name, encoder=encoder, mode=mode)
    found, _wording = ranking.evaluate(settings, asking, on_progress)
    figures: Figures = {}
    for name in SHOWN:
        value = found[name]
        assert not isinstance(value, dict)  # noqa: S101 - for the type checker
        figures[name] = value
    return figures

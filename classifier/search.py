"""Hyper-parameters by trial: Optuna's tree-structured Parzen estimator (Bergstra et al. 2011).

Trials learn from a part of the texts that the model learns from anyway; the texts that the figures
are measured on are never looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from classifier.methods import Recipe

if TYPE_CHECKING:
    import optuna

DECAYS = (0.8, 0.9, 1.0)
SMOOTHINGS = (0.0, 0.05, 0.1)
BATCHES = (16, 32)
TRIALS_BEFORE_PRUNING = 3

Report = Callable[[int, float], bool]
"""Told the epoch and the loss after it; says whether the trial is worth going on."""
Trial = Callable[[Recipe, Report], float]
"""Trains by a recipe and gives the loss on texts that it did not learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The best recipe, and how it was found."""

    recipe: Recipe
    loss: float
    first_loss: float
    """Of the recipe that the search began with."""
    trials: int
    pruned: int

    def notes(self) -> tuple[str, str]:
        """A sentence for the report, in English and Chinese."""
        r = self.recipe
        chosen = (
            f"learning rate {r.learning_rate:.2g}, layer decay {r.layer_decay:g}, "
            f"label smoothing {r.label_smoothing:g}, batch {r.batch_size}"
        )
        return (
            f"{self.trials} trials ({self.pruned} stopped early) chose {chosen}: held-out loss "
            f"{self.loss:.3f} instead of {self.first_loss:.3f}.",
            f"{self.trials} 次试验（{self.pruned} 次提前停止）选出 {chosen}："
            f"留出集损失 {self.loss:.3f}，原为 {self.first_loss:.3f}。",
        )


def search(
    start: Recipe, trial: Trial, *, trials: int, on_progress: Callable[[str, float], None]
) -> Found:
    """Try `trials` recipes, `start` first, and give the one with the least loss.

    Args:
        start: what the others are compared with; its epochs, precision and seed are kept.
        trial: trains and measures one recipe.
        trials: at least 1.
        on_progress: told the step and the share done.
    """
    import optuna  # noqa: PLC0415 - only a search needs it

    optuna.logging.set_verbosity(optuna.logging.WARNING)

    def objective(run: optuna.Trial) -> float:
        on_progress(f"search, trial {run.number + 1} of {trials}", run.number / trials)
        recipe = _suggested(run, start)

        def report(epoch: int, loss: float) -> bool:
            run.report(loss, epoch)
            return not run.should_prune()

        loss = trial(recipe, report)
        if run.should_prune():
            raise optuna.TrialPruned
        return loss

    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=start.seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=TRIALS_BEFORE_PRUNING),
    )
    study.enqueue_trial(_as_asked(start))
    study.optimize(objective, n_trials=trials)
    states = [t.state for t in study.trials]
    return Found(
        recipe=_with(start, study.best_trial.params),
        loss=float(study.best_value),
        first_loss=float(study.trials[0].value or study.best_value),
        trials=len(states),
        pruned=states.count(optuna.trial.TrialState.PRUNED),
    )


def _as_asked(start: Recipe) -> dict[str, float]:
    return {
        "learning_rate": start.learning_rate,
        "layer_decay": start.layer_decay,
        "label_smoothing": start.label_smoothing,
        "batch_size": start.batch_size,
    }


def _suggested(run: optuna.Trial, start: Recipe) -> Recipe:
    rate = start.learning_rate
    return _with(
        start,
        {
            "learning_rate": run.suggest_float("learning_rate", rate / 4, rate * 4, log=True),
            "layer_decay": run.suggest_categorical("layer_decay", _or(DECAYS, start.layer_decay)),
            "label_smoothing": run.suggest_categorical(
                "label_smoothing", _or(SMOOTHINGS, start.label_smoothing)
            ),
            "batch_size": run.suggest_categorical("batch_size", _or(BATCHES, start.batch_size)),
        },
    )


def _or(usual: tuple[float, ...], start: float) -> list[float]:
    return sorted({*usual, start})


def _with(start: Recipe, found: Mapping[str, float]) -> Recipe:
    return replace(
        start,
        learning_rate=found["learning_rate"],
        layer_decay=found["layer_decay"],
        label_smoothing=found["label_smoothing"],
        batch_size=int(found["batch_size"]),
    )

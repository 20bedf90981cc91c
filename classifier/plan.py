"""What to train, and what a training may tell and lean on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from classifier.dataset import LabelledText
from classifier.finetune import Log, Progress
from classifier.methods import Method, Recipe
from classifier.teaching import Teacher


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to train, and on what."""

    method: Method
    encoder_folder: Path
    encoder_id: str
    examples: tuple[LabelledText, ...]
    holdout: float
    """Share of the examples to measure on, 0 to 0.5; 0 lets `head` report all of its folds."""
    valid: tuple[LabelledText, ...] = ()
    """To measure on instead of a share of the examples; learned from only in a refit."""
    teacher: Teacher | None = None
    """A larger encoder, whose heads teach the network; needed in training only."""
    teacher_id: str = ""
    unlabelled: tuple[str, ...] = ()
    """Texts that the teacher labels; none of them is among the examples."""
    refit: bool = False
    """Train a network once more, on everything, after it was measured on what was held out."""
    search: int = 0
    """How many recipes a search tries before a network is trained; 0: the recipe as it is."""
    seed: int = 13
    threads: int = 2
    keep_float: bool = False
    """Keep the float weights beside the network that serves."""
    strict: bool = True
    """Refuse texts under two labels and intents with one example, instead of going on."""
    recipe: Recipe = field(default_factory=Recipe)

    @property
    def learned(self) -> tuple[LabelledText, ...]:
        """All that the model was made from when it is ready."""
        return (*self.examples, *self.valid) if self.refit else self.examples

    @property
    def arguments(self) -> dict[str, Any]:
        """What was asked for, by name."""
        asked: dict[str, Any] = {
            "holdout": self.holdout,
            "seed": self.seed,
            "examples": len(self.examples),
        }
        if self.valid:
            asked |= {"valid": len(self.valid)}
        if self.method.tunes:
            asked |= {"teacher": self.teacher_id, "unlabelled": len(self.unlabelled)}
            asked |= {"refit": self.refit, "search": self.search}
            asked |= asdict(self.recipe)
        return asked

    @property
    def order(self) -> str:
        """A hash over all that decides how the training goes."""
        texts = [[e.text, e.intent] for e in (*self.examples, *self.valid)]
        settings = [self.method.value, self.encoder_id, self.threads, self.arguments]
        whole = [*settings, texts, self.unlabelled]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a training tells, and where it may leave off."""

    on_progress: Progress
    log: Log = lambda _step, _figures: None
    checkpoints: Path | None = None
    """A folder for the state of a network that is not ready yet; None: an interruption costs it."""

"""Soft labels: what heads on a larger encoder, pooled with n-grams, say of texts left out.

Distillation, Hinton et al. 2015 (arXiv:1503.02531), section 2, at temperature 1 because the
teacher's probabilities are calibrated already.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from classifier import crossfit, dataset, fusion, label_names
from classifier.experts import Known
from classifier.finetune import Progress

FOLDS = 3


def soft_labels(
    known: Known, classes: int, *, seed: int, on_progress: Progress
) -> NDArray[np.float32] | None:
    """(n, classes) probabilities of a teacher that had not seen the text; None without teacher."""
    if known.teacher is None:
        return None
    said = crossfit.heads(
        known.texts,
        known.teacher,
        known.gold,
        classes,
        folds=dataset.folds(known.examples, count=FOLDS, seed=seed),
        hints=label_names.none(known.teacher.shape[1]),
        on_progress=lambda _step, share: on_progress("asking the teacher", share),
    )
    pool = fusion.fit(said.dense, said.lexical, known.gold)
    return pool.probabilities(said.dense, said.lexical).astype(np.float32)

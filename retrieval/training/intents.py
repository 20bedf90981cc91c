"""The second task of a shared encoder: telling intents apart, learned beside retrieval.

A classifier whose head stands on the same vectors then needs no pass of a network of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrieval.encoders.spec import Side
from retrieval.training.learning import Beside, Tokens
from retrieval.training.material import Material, Text

SCALE = 20.0  # of cosines to logits
BATCH = 32
WEIGHT = 0.5  # of this loss beside that of retrieval


class Intents(Beside):
    """Cross-entropy of a linear head on the encoder's vectors (Ruder 2017, arXiv:1706.05098)."""

    def __init__(self, tokens: Tokens, gold: Sequence[int], dim: int) -> None:
        """Learn texts of (n,) labels, numbered from 0."""
        import torch

        self._tokens = tokens
        self._gold = np.array(gold)
        self._head = torch.nn.Linear(dim, int(self._gold.max()) + 1)

    def parameters(self) -> list[Any]:
        """Weights and bias of the head."""
        return list(self._head.parameters())

    def loss(self, embed: Callable[[Tokens], Any], chance: np.random.Generator) -> Any:
        """Of a batch in which every label is as likely as every other."""
        import torch

        labels = chance.integers(int(self._gold.max()) + 1, size=BATCH)
        rows = [int(chance.choice(np.flatnonzero(self._gold == label))) for label in labels]
        vectors = embed([self._tokens[row] for row in rows])
        head = self._head.to(vectors.device)
        gold = torch.from_numpy(self._gold[rows]).to(vectors.device)
        return WEIGHT * torch.nn.functional.cross_entropy(SCALE * head(vectors), gold)


def material_of(examples: Sequence[tuple[str, str]]) -> Material:
    """(text, intent) pairs as groups: to measure how well intents are told apart."""
    found: dict[str, dict[Text, None]] = {}
    for text, intent in examples:
        found.setdefault(intent, {})[Text(text, Side.QUERY)] = None
    return Material(tuple(tuple(group) for group in found.values()))

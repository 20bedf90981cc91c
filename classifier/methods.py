"""The ways to train a classifier, and how each of them learns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum


class Method(StrEnum):
    """How a classifier is trained."""

    HEAD = "head"
    """A linear head on the frozen encoder: seconds."""
    FULL = "full"
    """The encoder fine-tuned end to end with its head: minutes."""
    LORA = "lora"
    """Low-rank updates of the encoder's matrices (Hu et al. 2021, arXiv:2106.09685)."""
    ADALORA = "adalora"
    """The same, ranks shared out by importance (Zhang et al. 2023, arXiv:2303.10512)."""
    PREFIX = "prefix"
    """Learned keys and values before each text (Li & Liang 2021, arXiv:2101.00190)."""
    IA3 = "ia3"
    """Learned scales of keys, values and feed-forward (Liu et al. 2022, arXiv:2205.05638)."""

    FEWSHOT = "fewshot"
    """The encoder by contrast, then a head: for 5 to 20 examples a label (`fewshot`)."""

    @property
    def tunes(self) -> bool:
        """Whether the encoder learns too, so that the folder holds a network of its own."""
        return self is not Method.HEAD

    @property
    def tunes_by_labels(self) -> bool:
        """Whether the network learns what to say of a text, so that a teacher can tell it."""
        return self not in (Method.HEAD, Method.FEWSHOT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Hyper-parameters; the defaults were chosen on validation data (docs/benchmarks.md)."""

    epochs: int = 8
    batch_size: int = 32
    """Texts whose gradients make one step."""
    accumulate: int = 1
    """Parts in which such a batch is worked through, where memory is short."""
    learning_rate: float = 2e-4
    """Peak, for the top layer and the head; decays linearly to 0."""
    layer_decay: float = 0.9
    """Each layer further down learns this much slower (ULMFiT, Howard & Ruder 2018, 3.2)."""
    warmup: float = 0.1
    """Share of the steps over which the learning rate rises."""
    weight_decay: float = 0.01
    label_smoothing: float = 0.05
    balance: float = 0.0
    """0 to 1: how far rare intents count for more; at 1 all intents weigh the same."""
    averaged: float = 0.995
    """Decay of the moving average of the weights, which is what serves; 0 for none (Polyak &
    Juditsky 1992; Tarvainen & Valpola 2017, arXiv:1703.01780)."""
    taught: float = 0.5
    """How much a teacher's word counts beside the labels, 0 to 1, where there is a teacher."""
    soup: int = 1
    """How many networks learn, each in another order, of whose weights `full` takes the mean
    (`classifier.soup`); each goes through all the epochs."""
    patience: int = 0
    """Epochs without a better loss on the held-out texts after which to stop; 0: never."""
    precision: str = "auto"
    """`float32`, `bfloat16`, or `auto`: the latter where the hardware computes in it."""
    seed: int = 13


EPOCHS_OF_MANY = 2  # thousands of texts that a teacher labelled are learned in few passes

# A small share of the weights has to move further, so it takes larger steps.
_LEARNING_RATES: Mapping[Method, float] = {
    Method.LORA: 2e-3,
    Method.ADALORA: 4e-3,
    Method.PREFIX: 1e-2,
    Method.IA3: 1e-2,
}


def recipe_for(method: Method, *, has_unlabelled: bool = False) -> Recipe:
    """The recipe that suits `method`, and texts without label beside the examples."""
    found = _recipe_for(method)
    return replace(found, epochs=EPOCHS_OF_MANY) if has_unlabelled else found


def _recipe_for(method: Method) -> Recipe:
    if method is Method.FEWSHOT:
        return Recipe(learning_rate=5e-5, layer_decay=1.0, batch_size=64, averaged=0.99)
    if method in _LEARNING_RATES:
        return Recipe(learning_rate=_LEARNING_RATES[method], layer_decay=1.0)
    return Recipe()

"""Moves outlier channels of activations into the weights before int8 (the SmoothQuant idea).

x W = (x / f) (f W): with f large where the activations are large, both factors fit 8 bits.
"""

import collections.abc

import torch
from torch import Tensor, nn

SHARE = 0.6  # how much of the range moves into the weights; 0.6 measured best of 0.4 .. 0.75


class SmoothedLinear(nn.Module):
    """Stands in for an `nn.Linear`: the same function, friendlier numbers."""

    inverse: Tensor

    def __init__(self, source: nn.Linear, factors: Tensor) -> None:
        """Divide the inputs of `source` by `factors` (in_features,) and multiply its weights."""
        super().__init__()
        self.register_buffer("inverse", 1 / factors)
        self.inner = nn.Linear(source.in_features, source.out_features, source.bias is not None)
        with torch.no_grad():
            self.inner.weight.copy_(source.weight * factors)
            if source.bias is not None:
                self.inner.bias.copy_(source.bias)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return float (..., out_features) for float (..., in_features)."""
        output: Tensor = self.inner(inputs * self.inverse)  # (..., out_features)
        return output


def is_smoothed(source: nn.Module) -> bool:
    """Tell whether a layer is quantised with one scale per tensor (see `quantize`)."""
    return isinstance(source, nn.Linear) and source.in_features <= source.out_features


def observe(
    module: nn.Module, samples: collections.abc.Iterable[collections.abc.Sequence[int]]
) -> dict[str, Tensor]:
    """Run `samples` and return, per smoothed layer, the largest absolute input per channel.

    Args:
        module: Takes `input_ids` and `attention_mask`.
        samples: Token ids of typical texts, special tokens included.
    """
    peaks: dict[str, Tensor] = {}

    def watch(name: str, layer: nn.Module) -> torch.utils.hooks.RemovableHandle:
        def note(_layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            peak = inputs[0].abs().flatten(0, -2).amax(0)  # (in_features,)
            peaks[name] = torch.maximum(peaks[name], peak) if name in peaks else peak

        return layer.register_forward_pre_hook(note)

    hooks = [watch(name, m) for name, m in module.named_modules() if is_smoothed(m)]
    with torch.no_grad():
        for sample in samples:
            ids = torch.tensor([list(sample)])  # (1, length)
            module(ids, torch.ones_like(ids))
    for hook in hooks:
        hook.remove()
    return peaks


def rule(peaks: dict[str, Tensor]) -> collections.abc.Callable[[str, nn.Module], nn.Module | None]:
    """Give the rule for `swap.swapped` that smooths the observed layers."""

    def stand_in(name: str, module: nn.Module) -> nn.Module | None:
        if not isinstance(module, nn.Linear) or name not in peaks:
            return None
        # A channel that the samples hardly use may be loud in another text: not below a tenth.
        inputs = peaks[name].clamp(min=float(peaks[name].mean()) / 10 + 1e-6)
        weights = module.weight.detach().abs().amax(0).clamp(min=1e-6)  # (in_features,)
        return SmoothedLinear(module, inputs**SHARE / weights ** (1 - SHARE))

    return stand_in

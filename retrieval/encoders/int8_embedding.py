"""A word embedding in int8 with one scale per row; exported as Gather, Cast and Mul."""

import torch
from torch import Tensor, nn

LARGE = 10_000  # rows; smaller embeddings (positions, token types) stay float


class Int8Embedding(nn.Module):
    """Stands in for an `nn.Embedding`; a value is off by at most 1/254 of its row's largest."""

    table: Tensor
    scales: Tensor

    def __init__(self, source: nn.Embedding) -> None:
        """Round the rows of `source`."""
        super().__init__()
        weight = source.weight.detach()  # (rows, dim)
        scales = (weight.abs().amax(1, keepdim=True) / 127).clamp(min=1e-12)  # (rows, 1)
        self.register_buffer("table", (weight / scales).round().to(torch.int8))
        self.register_buffer("scales", scales)

    def forward(self, ids: Tensor) -> Tensor:
        """Return float (..., dim) for int64 ids of any shape."""
        rows = nn.functional.embedding(ids, self.table).to(torch.float32)  # (..., dim)
        return rows * nn.functional.embedding(ids, self.scales)  # (..., dim)


def stand_in(_name: str, module: nn.Module) -> nn.Module | None:
    """Give the int8 form of a large embedding; a rule for `swap.swapped`."""
    if isinstance(module, nn.Embedding) and module.num_embeddings >= LARGE:
        return Int8Embedding(module)
    return None

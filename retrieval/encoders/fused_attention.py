"""BERT's self-attention as one projection and one onnxruntime operator, for the exported graph.

A short question spends a third of its time in the thirty small operators that the plain export
makes of each attention; `MultiHeadAttention` computes the same in one.
"""

from typing import Any

import torch
from torch import Tensor, nn


class FusedSelfAttention(nn.Module):
    """Stands in for transformers' `BertSelfAttention` while exporting."""

    def __init__(self, source: nn.Module) -> None:
        """Join the query, key and value projections of `source`."""
        super().__init__()
        parts: list[Any] = [source.get_submodule(name) for name in ("query", "key", "value")]
        self.heads = int(source.num_attention_heads)  # type: ignore[arg-type]
        self.joined = nn.Linear(parts[0].in_features, 3 * parts[0].out_features)
        with torch.no_grad():
            self.joined.weight.copy_(torch.cat([part.weight for part in parts]))
            self.joined.bias.copy_(torch.cat([part.bias for part in parts]))

    def forward(
        self, hidden_states: Tensor, attention_mask: Tensor, **_: object
    ) -> tuple[Tensor, None]:
        """Return the context (batch, length, dim) and no attention weights.

        Args:
            hidden_states: float (batch, length, dim).
            attention_mask: float (batch, 1, length, length), added to the scores.
        """
        joined = self.joined(hidden_states)  # (batch, length, 3 * dim)
        query, key, value = joined.chunk(3, dim=-1)
        return _Attention.apply(query, key, value, attention_mask, self.heads), None


class _Attention(torch.autograd.Function):
    """softmax(q k^T / sqrt(d) + mask) v; one operator in the graph."""

    @staticmethod
    def forward(
        _context: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor, heads: int
    ) -> Tensor:
        parts = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (query, key, value))
        mixed = nn.functional.scaled_dot_product_attention(*parts, attn_mask=mask)
        return mixed.transpose(1, 2).flatten(2)  # (batch, length, dim)

    @staticmethod
    def symbolic(
        graph: Any, query: Any, key: Any, value: Any, mask: Any, heads: int
    ) -> Any:
        none = graph.op("prim::Constant")
        none.setType(torch._C.OptionalType.ofTensor())
        inputs = (query, key, value, none, none, mask)
        out = graph.op("com.microsoft::MultiHeadAttention", *inputs, num_heads_i=heads)
        return out.setType(query.type())

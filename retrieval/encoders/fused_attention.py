"""BERT's self-attention as one projection and one onnxruntime operator, for the exported graph.

The plain export makes some thirty small operators of each attention; for a short question their
overhead is a good part of the latency.
"""

from typing import Any

import torch
from torch import Tensor, nn

KNOWN = ("BertSelfAttention", "RobertaSelfAttention", "XLMRobertaSelfAttention")


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
        self, hidden_states: Tensor, attention_mask: Tensor | None = None, **_: object
    ) -> tuple[Tensor, None]:
        """Return the context (batch, length, dim) and, as BERT expects, no attention weights.

        Args:
            hidden_states: float (batch, length, dim).
            attention_mask: float (batch, 1, length, length), added to the scores.
        """
        query, key, value = self.joined(hidden_states).chunk(3, dim=-1)  # (batch, length, dim)
        mixed: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
            query, key, value, attention_mask, self.heads
        )  # (batch, length, dim)
        return mixed, None


class _Attention(torch.autograd.Function):
    """softmax(q k^T / sqrt(d) + mask) v; one operator in the graph."""

    @staticmethod
    def forward(
        _context: object, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, heads: int
    ) -> Tensor:
        def split(whole: Tensor) -> Tensor:
            return whole.reshape(*whole.shape[:2], heads, -1).transpose(1, 2)

        mixed = nn.functional.scaled_dot_product_attention(
            split(query), split(key), split(value), attn_mask=mask
        )  # (batch, heads, length, dim / heads)
        return mixed.transpose(1, 2).flatten(2)  # (batch, length, dim)

    @staticmethod
    def symbolic(graph: Any, *inputs: Any) -> Any:  # noqa: ANN401 - the tracer's graph is untyped
        """Tell the exporter what to write."""
        *joined, mask, heads = inputs
        absent = graph.op("prim::Constant")  # neither a bias nor a padding mask
        absent.setType(torch._C.OptionalType.ofTensor())
        out = graph.op(
            "com.microsoft::MultiHeadAttention",
            *(*joined, absent, absent, mask),
            num_heads_i=heads,
        )
        return out.setType(joined[0].type())


def stand_in(_name: str, module: nn.Module) -> nn.Module | None:
    """Give the fused form of a known self-attention; a rule for `swap.swapped`."""
    return FusedSelfAttention(module) if type(module).__name__ in KNOWN else None

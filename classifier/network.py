"""The network that is fine-tuned: BERT, mean pooling, a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier import adapters
from classifier.head import LinearHead
from classifier.methods import Method

if TYPE_CHECKING:
    import torch

POOLING_DROPOUT = 0.1


def build(
    encoder: Path, head: LinearHead, *, method: Method = Method.FULL, steps: int = 1000
) -> Any:
    """A torch module: (input_ids, attention_mask), both int64 (n, t) → logits, unit vectors.

    The head starts from the solution of the frozen encoder and only then the whole is tuned, which
    distorts the encoder less: LP-FT, Kumar et al. 2022 (arXiv:2202.10054), section 4. The word
    embeddings stay as they are: nine tenths of the weights, of which a few thousand examples would
    touch only some.

    Args:
        encoder: folder of a transformers `BertModel`.
        head: as fitted on the frozen encoder.
        method: `full`, or one with adapters.
        steps: of the training to come.
    """
    import torch  # noqa: PLC0415 - only training needs it
    from transformers import BertModel  # noqa: PLC0415

    class IntentNetwork(torch.nn.Module):
        """BERT, mean pooling, linear head."""

        def __init__(self) -> None:
            super().__init__()
            bert = BertModel.from_pretrained(encoder, add_pooling_layer=False)
            bert.embeddings.word_embeddings.weight.requires_grad_(False)
            few = method in adapters.METHODS
            self.bert = adapters.wrap(bert, method, steps=steps) if few else bert
            self.dropout = torch.nn.Dropout(POOLING_DROPOUT)
            self.head = torch.nn.Linear(head.weight.shape[1], head.weight.shape[0])
            put_head(self, head)

        def forward(
            self, input_ids: torch.Tensor, attention_mask: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.bert(input_ids, attention_mask=attention_mask).last_hidden_state.float()
            mask = attention_mask.unsqueeze(-1).to(states.dtype)  # (n, t, 1)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)  # (n, dim)
            vectors = torch.nn.functional.normalize(mean, dim=-1)  # (n, dim)
            return self.head(self.dropout(vectors)), vectors

    return IntentNetwork()


def put_head(network: Any, head: LinearHead) -> None:
    """Give `network` another head of the same size."""
    import torch  # noqa: PLC0415

    with torch.no_grad():
        network.head.weight.copy_(torch.from_numpy(head.weight))
        network.head.bias.copy_(torch.from_numpy(head.bias))


def tokens(encoder: Path, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of texts as the encoder in that folder takes them."""
    from retrieval.encoders import spec, tokenizing  # noqa: PLC0415 - heavy

    about = spec.read(encoder)
    tokenizer = tokenizing.load(encoder, about.max_length)
    encoded = tokenizer.encode_batch([about.query_prefix + text for text in texts])
    return [encoding.ids for encoding in encoded]


def trained_share(network: Any) -> float:
    """The share of the network's weights that learn, 0 to 1."""
    weights = list(network.parameters())
    return float(sum(w.numel() for w in weights if w.requires_grad) / sum(map(_size, weights)))


def merge(network: Any) -> None:
    """Make the encoder of `network` a plain one again, adapters included in its weights."""
    if hasattr(network.bert, "peft_type"):
        network.bert = adapters.merged(network.bert)


def pad(rows: Sequence[Sequence[int]], device: str = "cpu") -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids of different lengths as `input_ids` and `attention_mask`, both int64 (n, t)."""
    import torch  # noqa: PLC0415

    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    mask = torch.zeros(len(rows), longest, dtype=torch.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    return ids.to(device), mask.to(device)


def _size(weight: torch.Tensor) -> int:
    return weight.numel()

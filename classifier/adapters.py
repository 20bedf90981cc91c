"""Parameter-efficient fine-tuning: few new weights learn, the encoder's own stay as they are.

The adapters are those of `peft`. Afterwards they are merged into a plain encoder, so that what
serves is as fast as before and needs no `peft`.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

from classifier.methods import Method

METHODS = (Method.LORA, Method.ADALORA, Method.PREFIX, Method.IA3)
RANK = 8  # 1.6 % of all-MiniLM-L6-v2's weights, head included
SPARE_RANK = 4  # AdaLoRA begins with more, of which it takes the least useful away
DROPOUT = 0.05
VIRTUAL_TOKENS = 16
ORTHOGONAL = 0.1  # weight of AdaLoRA's penalty
IMPORTANCE = ("ipt", "exp_avg_ipt", "exp_avg_unc")  # what its allocator keeps
PROJECTIONS = ["query", "key", "value", "dense"]  # every matrix of a layer


def wrap(bert: Any, method: Method, *, steps: int) -> Any:
    """`bert` with the trainable weights of `method`; all others no longer learn.

    Args:
        bert: a transformers `BertModel`.
        method: one of lora, adalora, prefix and ia3.
        steps: of the whole training; AdaLoRA plans its ranks by them.
    """
    import peft  # noqa: PLC0415 - only training needs it

    with _known_noise():
        return peft.get_peft_model(bert, _config(method, steps))


def merged(bert: Any) -> Any:
    """A plain module that computes what the wrapped `bert` does."""
    if bert.peft_type.value == "PREFIX_TUNING":
        return _prefixed(bert)
    return bert.merge_and_unload()


def penalty(bert: Any) -> Any:
    """What AdaLoRA adds to the loss to keep its factors orthogonal (section 3.1); else 0.0."""
    import torch  # noqa: PLC0415

    if not _is_adalora(bert):
        return 0.0
    found = []
    for name, factor in bert.named_parameters():
        if "lora_A" in name or "lora_B" in name:
            square = factor @ factor.T if "lora_A" in name else factor.T @ factor
            found.append((square - torch.eye(len(square), device=square.device)).norm())
    return ORTHOGONAL * torch.stack(found).mean()


def after_step(bert: Any, step: int) -> None:
    """To be called when the gradients of `step` are still there: AdaLoRA shares out its ranks."""
    if _is_adalora(bert):
        bert.base_model.update_and_allocate(step)


def memory(bert: Any) -> dict[str, Any]:
    """What AdaLoRA remembers of earlier steps, by name: its tensors, and its ranks as masks."""
    import torch  # noqa: PLC0415

    if not _is_adalora(bert):
        return {}
    allocator = bert.base_model.rankallocator
    kept = {
        f"{kind}/{name}": value
        for kind in IMPORTANCE
        for name, value in getattr(allocator, kind).items()
    }
    ranks = bert.peft_config["default"].rank_pattern or {}
    return kept | {f"rank/{name}": torch.tensor(mask) for name, mask in ranks.items()}


def recall(bert: Any, kept: dict[str, Any]) -> None:
    """Put back what `memory` gave."""
    if not _is_adalora(bert):
        return
    allocator = bert.base_model.rankallocator
    ranks = {}
    for place, value in kept.items():
        kind, _, name = place.partition("/")
        if kind == "rank":
            ranks[name] = value.tolist()
        else:
            getattr(allocator, kind)[name] = value
    if ranks:
        bert.peft_config["default"].rank_pattern = ranks


def _is_adalora(bert: Any) -> bool:
    return getattr(getattr(bert, "peft_type", None), "value", "") == "ADALORA"


def _config(method: Method, steps: int) -> Any:
    import peft  # noqa: PLC0415

    if method is Method.LORA:
        return peft.LoraConfig(
            r=RANK, lora_alpha=2 * RANK, lora_dropout=DROPOUT, target_modules=PROJECTIONS
        )
    if method is Method.ADALORA:
        return peft.AdaLoraConfig(
            init_r=RANK + SPARE_RANK,
            target_r=RANK,
            lora_alpha=2 * RANK,
            lora_dropout=DROPOUT,
            target_modules=PROJECTIONS,
            total_step=max(steps, 4),
            tinit=steps // 10,
            tfinal=steps // 2,
            deltaT=max(1, steps // 200),
        )
    if method is Method.PREFIX:
        return peft.PrefixTuningConfig(
            num_virtual_tokens=VIRTUAL_TOKENS, task_type="FEATURE_EXTRACTION"
        )
    if method is Method.IA3:
        return peft.IA3Config(
            target_modules=["key", "value", "intermediate.dense"],
            feedforward_modules=["intermediate.dense"],
        )
    raise ValueError(f"{method.value} has no adapter")


def _prefixed(wrapped: Any) -> Any:
    """The encoder with the learned keys and values as constants of its attention layers."""
    import torch  # noqa: PLC0415

    bert = wrapped.get_base_model()
    prompt = wrapped.get_prompt_embedding_to_save("default").detach()
    layers, heads = bert.config.num_hidden_layers, bert.config.num_attention_heads
    tokens = len(prompt)
    # peft lays them out as (tokens, layers × [key, value] × heads × size of a head).
    pairs = prompt.view(tokens, layers, 2, heads, -1).permute(1, 2, 3, 0, 4)

    class PrefixedAttention(torch.nn.Module):
        """Self-attention that also looks at the constant keys and values."""

        def __init__(self, source: Any, pair: torch.Tensor) -> None:
            super().__init__()
            self.query, self.key, self.value = source.query, source.key, source.value
            self.pair: torch.Tensor
            self.register_buffer("pair", pair.clone())  # (2, heads, tokens, size)

        def forward(
            self, hidden_states: torch.Tensor, attention_mask: torch.Tensor, **_: object
        ) -> tuple[torch.Tensor, None]:
            def split(whole: torch.Tensor) -> torch.Tensor:
                return whole.view(*whole.shape[:2], heads, -1).transpose(1, 2)

            one = torch.ones_like(hidden_states[:, :1, :1, None])  # (n, 1, 1, 1)
            key, value = (
                torch.cat([self.pair[i] * one, split(layer(hidden_states))], dim=2)
                for i, layer in enumerate((self.key, self.value))
            )  # (n, heads, tokens + t, size)
            open_to_all = torch.zeros_like(attention_mask[..., :1]).expand(-1, -1, -1, tokens)
            mixed = torch.nn.functional.scaled_dot_product_attention(
                split(self.query(hidden_states)),
                key,
                value,
                attn_mask=torch.cat([open_to_all, attention_mask], dim=-1),
            )  # (n, heads, t, size)
            return mixed.transpose(1, 2).flatten(2), None

    class PrefixedBert(torch.nn.Module):
        """Counts the positions of a text from behind the prefix, as in training."""

        def __init__(self) -> None:
            super().__init__()
            for layer, pair in zip(bert.encoder.layer, pairs, strict=True):
                layer.attention.self = PrefixedAttention(layer.attention.self, pair)
            bert.set_attn_implementation("eager")  # which gives the mask as numbers to add
            self.bert = bert

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> Any:
            positions = torch.cumsum(torch.ones_like(input_ids), dim=1) - 1 + tokens
            return self.bert(input_ids, attention_mask=attention_mask, position_ids=positions)

    return PrefixedBert()


@contextlib.contextmanager
def _known_noise() -> Iterator[None]:
    """Silence what peft and transformers say about each other's names."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
        yield

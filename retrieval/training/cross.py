"""Training of a reranker: the lower layers of an encoder read question and candidate together."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval import reranking, whitening
from retrieval.encoders import manifest, spec
from retrieval.encoders.runtime import Encoder, OnnxTextModel
from retrieval.encoders.spec import Side
from retrieval.training import learning, tuning
from retrieval.training.learning import Progress
from retrieval.training.material import Material, Text
from retrieval.training.tuning import Exam

WEIGHTS = (0.0, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)  # log-odds per unit, tried
COSINE = 17.0  # log-odds per unit of cosine, about what search gives it
Tokens = list[list[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossRecipe:
    """Hyper-parameters."""

    layers: int = 6
    """Of the encoder that are kept, the lowest ones: the time to serve is theirs."""
    epochs: int = 2
    batch_size: int = 16
    """Questions, each with one right and `negatives` wrong candidates."""
    negatives: int = 3
    max_steps: int = 400
    learning_rate: float = 5e-5
    seed: int = 13


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a reranker does on questions that neither it nor its weight was fitted on."""

    weight: float
    first_before: float
    """Share of the questions whose group stands first, by the encoder alone."""
    first: float
    mrr_before: float
    mrr: float
    questions: int

    @property
    def is_better(self) -> bool:
        """Whether it puts the right group higher."""
        return self.mrr > self.mrr_before and self.first >= self.first_before


def train(
    encoder_folder: Path, material: Material, recipe: CrossRecipe, on_progress: Progress
) -> Any:
    """A torch module: `input_ids`, `attention_mask`, both int64 (n, t) → scores (n, 1)."""
    import torch

    from retrieval.encoders import cpu, sentence

    torch.manual_seed(recipe.seed)
    tokenizer = _pair_tokenizer(encoder_folder)
    network = _network(sentence.load_transformer(encoder_folder), recipe.layers)
    lists = _lists(encoder_folder, material, recipe, on_progress)
    weights = [w for w in network.parameters() if w.requires_grad]
    optimizer = torch.optim.AdamW(weights, lr=recipe.learning_rate, weight_decay=0.01)
    per_epoch = len(lists) // recipe.batch_size
    steps = max(1, min(per_epoch * recipe.epochs, recipe.max_steps))
    chance = np.random.default_rng(recipe.seed)
    order = np.concatenate([chance.permutation(len(lists)) for _ in range(recipe.epochs)])
    began = time.monotonic()
    network.train()
    for step in range(steps):
        some = [lists[i] for i in order[step * recipe.batch_size :][: recipe.batch_size]]
        pairs = [(question, text) for question, texts in some for text in texts]
        ids, mask = learning.padded([e.ids for e in tokenizer.encode_batch(pairs)])
        with torch.autocast("cpu", torch.bfloat16, enabled=cpu.multiplies_bfloat16()):
            found = network(ids, mask).float().view(len(some), -1)  # (questions, 1 + negatives)
        loss: Any = torch.nn.functional.cross_entropy(
            found, torch.zeros(len(some), dtype=torch.int64)
        )
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * min((step + 1) * 10 / steps, 1 - step / steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        left_s = (time.monotonic() - began) / (step + 1) * (steps - step - 1)
        on_progress(f"training the reranker, about {left_s:.0f} s left", (step + 1) / steps)
    return network.eval()


def save(network: Any, encoder_folder: Path, folder: Path) -> None:
    """Write `network` into `folder` as it is served; not sealed yet, the weight is missing."""
    from retrieval.encoders import export

    for name in ("tokenizer.json",):
        shutil.copyfile(encoder_folder / name, folder / name)
    about = replace(spec.read(encoder_folder), max_length=reranking.LONGEST, name="reranker")
    about.write(folder)
    samples = _pair_tokenizer(encoder_folder).encode_batch(list(_SAMPLES))
    export.export_onnx(network, folder, outputs=("score",), samples=[e.ids for e in samples])


class Scorer:
    """A network that was saved and has no weight yet."""

    def __init__(self, folder: Path, threads: int) -> None:
        """Load it."""
        self._model = OnnxTextModel(folder, threads=threads)

    def scores(self, query: str, texts: Sequence[str]) -> NDArray[np.float32]:
        """As `reranking.Reranker.scores`."""
        return self._model.run_pairs([(query, text) for text in texts])["score"][:, 0]


def seal(folder: Path, found: Measured, base: str) -> None:
    """Write the weight and the hashes of all files."""
    about = json.dumps({"weight": found.weight, "base": base})
    (folder / reranking.ABOUT).write_text(about + "\n", encoding="utf-8")
    manifest.seal(folder, base=base)


def measure(scorer: Scorer, encoder: Encoder, exams: Sequence[Exam]) -> Measured:
    """Choose the weight on one half of the questions and measure on the other.

    Args:
        scorer: reads the candidates.
        encoder: brings up the candidates.
        exams: none of their questions was learned.
    """
    both = [row for exam in exams for row in _ranked(scorer, encoder, exam)]
    fitted, asked = both[::2], both[1::2]
    best = max(WEIGHTS, key=lambda weight: (_mrr(fitted, weight), -weight))
    firsts = [np.mean([_rank(row, weight) == 1 for row in asked]) for weight in (0.0, best)]
    return Measured(
        weight=best,
        first_before=float(firsts[0]),
        first=float(firsts[1]),
        mrr_before=_mrr(asked, 0.0),
        mrr=_mrr(asked, best),
        questions=len(asked),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """The first candidates of one question."""

    cosines: NDArray[np.float32]
    said: NDArray[np.float32]
    right: int
    """Place of the right one among them, -1 if it is not."""


def _ranked(scorer: Scorer, encoder: Encoder, exam: Exam) -> list[_Row]:
    pool = tuning.in_groups(exam.pool, encoder)
    asked = tuning.in_groups(exam.asked, encoder)
    centre = pool.mean(axis=0)
    near = whitening.unit(asked - centre) @ whitening.unit(pool - centre).T  # (asked, pool)
    answers = {int(g): t.text for t, g in zip(exam.pool, exam.groups, strict=True)
               if t.side is Side.PASSAGE}  # fmt: skip
    rows = []
    for question, gold, cosines in zip(exam.asked, exam.gold, near, strict=True):
        groups: dict[int, int] = {}
        for row in np.argsort(-cosines, kind="stable"):
            groups.setdefault(int(exam.groups[row]), int(row))
            if len(groups) == reranking.DEPTH:
                break
        texts = [reranking.text_of(exam.pool[row].text, answers.get(group, ""))
                 for group, row in groups.items()]  # fmt: skip
        said = scorer.scores(question.text, texts)
        right = list(groups).index(int(gold)) if int(gold) in groups else -1
        rows.append(_Row(cosines[list(groups.values())], said, right))
    return rows


def _rank(row: _Row, weight: float) -> int:
    """The place of the right candidate, counted from 1; 0 when it was not brought up."""
    if row.right < 0:
        return 0
    scores = COSINE * row.cosines + weight * row.said
    return int((scores > scores[row.right]).sum()) + 1


def _mrr(rows: Sequence[_Row], weight: float) -> float:
    ranks = [_rank(row, weight) for row in rows]
    return float(np.mean([1 / rank if rank else 0.0 for rank in ranks])) if ranks else 0.0


def _lists(
    encoder_folder: Path, material: Material, recipe: CrossRecipe, on_progress: Progress
) -> list[tuple[str, list[str]]]:
    """Of each question the right candidate and hard wrong ones, as texts."""
    import torch

    from retrieval.encoders import sentence

    model = sentence.SentenceModel(sentence.load_transformer(encoder_folder))
    mining = learning.Recipe(negatives=3 * recipe.negatives)
    tokenizer = tuning.Tokenizer(encoder_folder)
    lessons, texts = tuning.lessons_and_texts(model, tokenizer, material, mining, on_progress)
    del model
    answers = {int(g): t.text for t, g in zip(texts, lessons.groups, strict=True)
               if t.side is Side.PASSAGE}  # fmt: skip
    members: dict[int, list[Text]] = {}
    for text, group in zip(texts, lessons.groups.tolist(), strict=True):
        members.setdefault(group, []).append(text)
    chance = np.random.default_rng(recipe.seed)
    found = []
    for row, text in enumerate(texts):
        group, wrong = int(lessons.groups[row]), lessons.negatives[row]
        others = [one for one in members[group] if one != text]
        if text.side is Side.PASSAGE or not others or len(wrong) < recipe.negatives:
            continue
        right = others[int(chance.integers(len(others)))]
        some = chance.choice(len(wrong), recipe.negatives, replace=False)
        rows = [(right, group), *((texts[wrong[i]], int(lessons.groups[wrong[i]])) for i in some)]
        read = [reranking.text_of(one.text, answers.get(of, "")) for one, of in rows]
        found.append((text.text, read))
    torch.manual_seed(recipe.seed)
    return found


def _network(transformer: Any, layers: int) -> Any:
    import torch

    class CrossNetwork(torch.nn.Module):
        """The lowest layers, the mean of the states, one number."""

        def __init__(self) -> None:
            super().__init__()
            transformer.encoder.layer = transformer.encoder.layer[:layers]
            transformer.config.num_hidden_layers = min(layers, transformer.config.num_hidden_layers)
            transformer.set_attn_implementation("eager")
            transformer.embeddings.word_embeddings.weight.requires_grad_(False)
            self.transformer = transformer
            self.head = torch.nn.Linear(transformer.config.hidden_size, 1)

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask)[0]
            mask = attention_mask.unsqueeze(-1).to(states.dtype)  # (n, t, 1)
            mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)  # (n, dim)
            found: torch.Tensor = self.head(mean)  # (n, 1)
            return found

    return CrossNetwork()


def _pair_tokenizer(folder: Path) -> Any:
    from retrieval.encoders import tokenizing

    return tokenizing.load(folder, reranking.LONGEST)


_SAMPLES = (
    ("where is my parcel", "How can I track my parcel?\nUse the link in your e-mail."),
    ("can i send it back after a month", "Can I return opened goods?\nYes, within 30 days."),
    ("什么时候发货", "订单多久发货？\n工作日下单，当天发货。"),
    ("花呗怎么还款", "如何提前还款"),
    ("do you ship to Norway", "Which countries do you deliver to?"),
)

"""Labelled texts: read from Rasa NLU YAML, checked, and split by groups of near-duplicates."""

from __future__ import annotations

import hashlib
import random
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifier import errors

MIN_EXAMPLES = 2  # below this an intent can neither be learned nor tested

# [text](entity) and [text]{"entity": ...}: only the text is said by people (wire format, 6.2).
_ENTITY = re.compile(r"\[([^\]]+)\](?:\([^)]*\)|\{[^}]*\})")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledText:
    """A text with the intent that it expresses, and where it was read."""

    text: str
    intent: str
    path: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Examples to learn from and examples to test on; no near-duplicate stands in both."""

    train: tuple[LabelledText, ...]
    holdout: tuple[LabelledText, ...]


def plain_text(marked: str) -> str:
    """The text of an NLU example without its entity marks."""
    return _ENTITY.sub(r"\1", marked).strip()


def group_key(text: str) -> str:
    """The same for texts that differ in case, width, punctuation and spaces only."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return _NOT_WORD.sub("", folded) or folded


def check(examples: Sequence[LabelledText]) -> None:
    """Refuse data that cannot be learned.

    Raises:
        errors.DatasetError: fewer than two intents, an intent with fewer than `MIN_EXAMPLES`
            examples, or one text under two intents.
    """
    counts = Counter(example.intent for example in examples)
    if len(counts) < 2:
        raise errors.DatasetError(
            f"the training data hold {len(counts)} intents.",
            hint="Give examples of at least two intents.",
        )
    for intent, count in counts.items():
        if count < MIN_EXAMPLES:
            first = next(example for example in examples if example.intent == intent)
            raise errors.DatasetError(
                f"intent {intent!r} has {count} example.",
                path=first.path,
                line=first.line,
                hint=f"Write at least {MIN_EXAMPLES}.",
            )
    seen: dict[str, LabelledText] = {}
    for example in examples:
        other = seen.setdefault(group_key(example.text), example)
        if other.intent != example.intent:
            raise errors.DatasetError(
                f"{example.text!r} stands under {example.intent!r} and under {other.intent!r} "
                f"({other.path}:{other.line}).",
                path=example.path,
                line=example.line,
                hint="Keep it under one of them.",
            )


def split(examples: Iterable[LabelledText], *, holdout: float, seed: int) -> Split:
    """Set aside the share `holdout` (0 to 0.5) of each intent, near-duplicates together.

    Each intent keeps at least one group to learn from.
    """
    groups: dict[str, dict[str, list[LabelledText]]] = defaultdict(lambda: defaultdict(list))
    for example in examples:
        groups[example.intent][group_key(example.text)].append(example)
    chance = random.Random(seed)  # noqa: S311 - reproducible shuffling, not a secret
    kept: list[LabelledText] = []
    aside: list[LabelledText] = []
    for intent in sorted(groups):
        members = [groups[intent][key] for key in sorted(groups[intent])]
        chance.shuffle(members)
        cut = min(round(len(members) * holdout), len(members) - 1)
        aside += [example for group in members[:cut] for example in group]
        kept += [example for group in members[cut:] for example in group]
    return Split(train=tuple(kept), holdout=tuple(aside))


def fingerprint(examples: Iterable[LabelledText]) -> str:
    """SHA-256 over the (intent, text) pairs, whatever their order: names the data of a model."""
    digest = hashlib.sha256()
    for intent, text in sorted({(example.intent, example.text) for example in examples}):
        digest.update(f"{intent}\0{text}\n".encode())
    return digest.hexdigest()

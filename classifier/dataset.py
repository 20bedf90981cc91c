"""Labelled texts: read from Rasa NLU YAML, checked, and split by groups of near-duplicates."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np
from numpy.typing import NDArray

from classifier import errors, near_duplicates
from classifier.entities import annotation

MIN_EXAMPLES = 2  # below this an intent can neither be learned nor tested


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
    return annotation.plain(marked)


def check(examples: Sequence[LabelledText], *, strict: bool = True) -> None:
    """Refuse data that cannot be learned.

    Raises:
        errors.DatasetError: fewer than two intents; if `strict`, an intent with fewer than
            `MIN_EXAMPLES` examples, or one text under two intents.
    """
    counts = Counter(example.intent for example in examples)
    if len(counts) < 2:
        raise errors.DatasetError(
            f"the training data hold {len(counts)} intents.",
            hint="Give examples of at least two intents.",
        )
    if not strict:
        return
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
        other = seen.setdefault(near_duplicates.key(example.text), example)
        if other.intent != example.intent:
            raise errors.DatasetError(
                f"{example.text!r} stands under {example.intent!r} and under {other.intent!r} "
                f"({other.path}:{other.line}).",
                path=example.path,
                line=example.line,
                hint="Keep it under one of them.",
            )


def split(examples: Sequence[LabelledText], *, holdout: float, seed: int) -> Split:
    """Set aside the share `holdout` (0 to 0.5) of each intent, near-duplicates together."""
    aside = held_out(examples, holdout=holdout, seed=seed)
    return Split(
        train=tuple(e for e, out in zip(examples, aside, strict=True) if not out),
        holdout=tuple(e for e, out in zip(examples, aside, strict=True) if out),
    )


def held_out(examples: Sequence[LabelledText], *, holdout: float, seed: int) -> NDArray[np.bool_]:
    """Which of the n `examples` to set aside, (n,): the share `holdout` (0 to 0.5) of each intent.

    Near-duplicates stay together, whatever their labels; each intent keeps at least one group. Of
    intents too small for a share of their own, every so many gives one group.
    """
    members = _groups_by_intent(examples, seed)
    intents_of: dict[int, list[str]] = defaultdict(list)
    for intent, found in members.items():
        for group in found:
            intents_of[group].append(intent)
    left = {intent: len(found) for intent, found in members.items()}
    taken: set[int] = set()
    owed = 0.0
    for intent, found in members.items():
        wanted = round(len(found) * holdout)
        if not wanted:
            owed += len(found) * holdout
            wanted = int(owed >= 1)
            owed -= wanted
        for group in found:
            if len(found) - left[intent] >= wanted:
                break
            if group not in taken and all(left[other] > 1 for other in intents_of[group]):
                taken.add(group)
                left.update({other: left[other] - 1 for other in intents_of[group]})
    return np.isin(near_duplicates.groups([e.text for e in examples]), sorted(taken))


def folds(examples: Sequence[LabelledText], *, count: int, seed: int) -> NDArray[np.int64]:
    """The fold, 0 to `count` - 1, of each of the n `examples`: intents spread evenly over folds.

    Near-duplicates stand in the same fold, whatever their labels.
    """
    groups = near_duplicates.groups([example.text for example in examples])
    fold_of: dict[int, int] = {}
    turn = 0
    for members in _groups_by_intent(examples, seed).values():
        for group in members:
            if group not in fold_of:
                fold_of[group] = turn % count
                turn += 1
    return np.array([fold_of[group] for group in groups.tolist()], dtype=np.int64)


def _groups_by_intent(examples: Sequence[LabelledText], seed: int) -> dict[str, list[int]]:
    """For each intent in alphabetical order its groups of near-duplicates, shuffled by `seed`."""
    groups = near_duplicates.groups([example.text for example in examples]).tolist()
    members: dict[str, set[int]] = defaultdict(set)
    first: dict[int, str] = {}
    for example, group in zip(examples, groups, strict=True):
        members[example.intent].add(group)
        first[group] = min(first.get(group, example.text), example.text)
    chance = random.Random(seed)  # noqa: S311 - reproducible shuffling, not a secret
    shuffled = {
        intent: sorted(members[intent], key=first.__getitem__) for intent in sorted(members)
    }
    for ordered in shuffled.values():
        chance.shuffle(ordered)
    return shuffled


def sample(examples: Sequence[LabelledText], *, most: int, seed: int) -> tuple[LabelledText, ...]:
    """About `most` of the `examples`, in their order: the same share of each intent, at least 2."""
    if len(examples) <= most:
        return tuple(examples)
    places: dict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(examples):
        places[example.intent].append(place)
    chance = np.random.default_rng(seed)
    kept: list[int] = []
    for found in places.values():
        count = max(MIN_EXAMPLES, round(len(found) * most / len(examples)))
        kept += [found[i] for i in chance.permutation(len(found))[:count].tolist()]
    return tuple(examples[place] for place in sorted(kept))


def named(examples: Sequence[LabelledText]) -> str:
    """How many there are, and in which file: "258 texts of valid.csv"."""
    return f"{len(examples)} texts of {PurePath(examples[0].path).name or 'another file'}"


def fingerprint(examples: Iterable[LabelledText]) -> str:
    """SHA-256 over the (intent, text) pairs, whatever their order: names the data of a model."""
    digest = hashlib.sha256()
    for intent, text in sorted({(example.intent, example.text) for example in examples}):
        digest.update(f"{intent}\0{text}\n".encode())
    return digest.hexdigest()

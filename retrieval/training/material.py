"""What an encoder learns from: groups of texts that mean the same, and texts that do not."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from retrieval.candidate import PastAnswer
from retrieval.encoders.spec import Side

LEAST_LEARNED = 2  # texts of a group of which one can be learned from the other


@dataclass(frozen=True, slots=True)
class Text:
    """A text and the side of the search that it is on."""

    text: str
    side: Side


@dataclass(frozen=True, slots=True)
class Material:
    """Texts that belong together, and pairs that look alike and do not."""

    groups: tuple[tuple[Text, ...], ...]
    """Of each question all its phrasings and, if known, its answer."""
    unlike: tuple[tuple[Text, Text], ...] = ()

    def __add__(self, other: Material) -> Material:
        """Both, one after the other."""
        return Material(self.groups + other.groups, self.unlike + other.unlike)

    @property
    def texts(self) -> int:
        """How many texts the groups hold."""
        return sum(map(len, self.groups))


@dataclass(frozen=True, slots=True)
class Asked:
    """A text that is held out, and the place of the group that it belongs to."""

    text: Text
    group: int


def of_answers(answers: Iterable[PastAnswer]) -> Material:
    """Of each entry its phrasings in all languages and its answers."""
    found: dict[str, dict[Text, None]] = {}
    for answer in answers:
        group = found.setdefault(answer.id, {})
        group.update((Text(question, Side.QUERY), None) for question in answer.questions)
        group[Text(answer.text, Side.PASSAGE)] = None
    return Material(tuple(tuple(group) for group in found.values()))


def held_out(material: Material, share: float, seed: int) -> tuple[Material, tuple[Asked, ...]]:
    """Take one question out of a `share` of the groups, by a hash of its text.

    A group of two then has nothing left to learn from, but is still looked for: the rest of it
    stays among the texts that are searched.
    """
    groups: list[tuple[Text, ...]] = []
    asked: list[Asked] = []
    for place, group in enumerate(material.groups):
        questions = [text for text in group if text.side is Side.QUERY]
        chosen = min(questions, key=lambda text: _hash(text, seed), default=None)
        if chosen is None or len(group) < LEAST_LEARNED or _hash(chosen, seed + 1) >= share:
            groups.append(group)
            continue
        asked.append(Asked(chosen, place))
        groups.append(tuple(text for text in group if text != chosen))
    out = {item.text for item in asked}
    unlike = tuple(pair for pair in material.unlike if out.isdisjoint(pair))
    return replace(material, groups=tuple(groups), unlike=unlike), tuple(asked)


def without(material: Material, texts: Iterable[str]) -> Material:
    """The same without `texts`, whichever side they are on, compared without case and spaces."""
    gone = {_plain(text) for text in texts}
    groups = tuple(
        tuple(text for text in group if _plain(text.text) not in gone) for group in material.groups
    )
    unlike = tuple(
        pair for pair in material.unlike if not any(_plain(text.text) in gone for text in pair)
    )
    return Material(tuple(group for group in groups if group), unlike)


def joined(pairs: Sequence[tuple[Text, Text]]) -> tuple[tuple[Text, ...], ...]:
    """The groups that pairs of the same meaning make (union-find, Galler & Fischer 1964)."""
    above: dict[Text, Text] = {}

    def top(text: Text) -> Text:
        while (over := above.setdefault(text, text)) != text:
            above[text] = above.get(over, over)
            text = above[text]
        return text

    for left, right in pairs:
        first, second = top(left), top(right)
        above[second] = first
    found: dict[Text, list[Text]] = {}
    for text in above:
        found.setdefault(top(text), []).append(text)
    return tuple(tuple(group) for group in found.values())


def _hash(text: Text, seed: int) -> float:
    """A number from 0 to 1 that depends on the text and the seed only."""
    digest = hashlib.sha256(f"{seed} {text.text}".encode()).digest()
    return int.from_bytes(digest[:6]) / (1 << 48)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()

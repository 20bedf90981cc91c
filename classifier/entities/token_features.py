"""What the trained extractor sees of each token: text, shape, neighbours, patterns over it."""

from __future__ import annotations

from collections.abc import Sequence

from classifier.entities.entity import Entity
from classifier.entities.tokens import Token

WINDOW = 3  # tokens to each side whose text is seen


def of_tokens(tokens: Sequence[Token], matches: Sequence[Entity]) -> list[list[str]]:
    """The features of each token.

    Args:
        tokens: of one text.
        matches: what the regexes and lookup tables find in it.

    Returns:
        One list of names for each token.
    """
    words = [token.text.lower() for token in tokens]
    return [
        [
            "bias",
            *_own(token),
            *_around(words, place),
            *(f"p:{m.entity}" for m in matches if m.start < token.end and token.start < m.end),
        ]
        for place, token in enumerate(tokens)
    ]


def _own(token: Token) -> list[str]:
    word = token.text.lower()
    found = [f"s:{_shape(token.text)}"]
    if len(word) > 1:
        found += [f"a:{word[:3]}", f"z:{word[-3:]}", f"y:{word[-2:]}"]
    return found


def _around(words: Sequence[str], place: int) -> list[str]:
    found = []
    for offset in range(-WINDOW, WINDOW + 1):
        found.append(f"w{offset}:{_at(words, place + offset)}")
    for offset in range(-WINDOW, WINDOW):
        pair = f"{_at(words, place + offset)} {_at(words, place + offset + 1)}"
        found.append(f"b{offset}:{pair}")
    before = " ".join(_at(words, place + offset) for offset in range(-3, 0))
    return [*found, f"t-:{before}"]


def _at(words: Sequence[str], place: int) -> str:
    if place < 0:
        return "<"
    return words[place] if place < len(words) else ">"


def _shape(text: str) -> str:
    if text.isdigit():
        return f"{min(len(text), 8)}d"
    if not text[0].isalpha():
        return text
    if text.isupper():
        return "X" if len(text) == 1 else "XX"
    return "Xx" if text[0].isupper() else "x"

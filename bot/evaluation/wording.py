"""How near what was said is to the reference replies, word for word: BLEU and chrF (sacrebleu).

Both compare words, not meaning, and are meant for comparing versions of a bot with each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

TOKENIZERS = {"zh": "zh", "en": "13a"}
"""sacrebleu's own, so that figures can be compared with others' (Post 2018)."""


def measure(
    said: Sequence[str], references: Sequence[Sequence[str]], language: str
) -> dict[str, float]:
    """BLEU and chrF of a whole set of replies, 0 to 100.

    Args:
        said: one reply each; empty where nothing was said.
        references: for each, one right reply or several.
        language: "en" or "zh"; BLEU counts words of the one, characters of the other.
    """
    if not said:
        return {"bleu": 0.0, "chrf": 0.0}
    import sacrebleu  # noqa: PLC0415 - takes a moment to load

    most = max(map(len, references))
    columns: list[list[Any]] = [
        [given[place] if place < len(given) else None for given in references]
        for place in range(most)
    ]
    tokenize = TOKENIZERS.get(language, "13a")
    bleu = sacrebleu.corpus_bleu(list(said), columns, tokenize=tokenize)
    chrf = sacrebleu.corpus_chrf(list(said), columns)
    return {"bleu": round(bleu.score, 2), "chrf": round(chrf.score, 2)}

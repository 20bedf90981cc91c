"""A question that asks several things, and the reply that is put together from several answers.

Pure: the parts of a question are told from its words, and a reply is made only when each part has
an answer that is probably right. The sentences are those of approved answers, word for word.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain import Language, Part, Understanding

MAX_PARTS = 4
LEAST_WORDS = 3  # of a part in English
LEAST_CHARS = 4  # of a part in Chinese
SOURCE = {Language.EN: "From: {title}", Language.ZH: "出处：{title}"}

_ASKS_EN = re.compile(
    r"\?|\b(how|what|when|where|which|who|whose|why|can|could|do|does|did|is|are|will|would|should"
    r"|may|must|tell me|need to know|wondering|whether|if i)\b",
    re.IGNORECASE,
)
_ASKS_ZH = re.compile(
    "[?？吗么呢]|怎|如何|多久|多少|几|哪|谁|什么|啥|能不能|可不可以|可以|能否|是否|有没有|要不要|是不是|行不行"
)
_CUT_EN = re.compile(
    r"(?<=[?!.;])\s+|\n+|\s*,\s*(?:and|also|plus|but)\s+|\s*,\s+(?=how|what|when|where|which|who|why"
    r"|can|could|do|does|is|are|will)|\s+and\s+(?:also\s+)?(?=how|what|when|where|which|who|why|can|"
    r"could|do|does|is|are|will|would|should|if|whether|may)|\s+(?:plus|also|as well as)\s+",
    re.IGNORECASE,
)
_CUT_ZH = re.compile(
    "(?<=[?？!！。；;])|\n+|[，,]|(?:另外|还有|以及|并且|同时|而且|顺便问一下|顺便)"
)
_ENDS = " ，,、;；\n"
_GLUE = re.compile(r"^(?:also|and|plus|but)\b[,\s]*", re.IGNORECASE)


def parts_of(text: str, language: Language) -> tuple[str, ...]:
    """The questions in `text`, each with what was said before it; one if it asks one thing."""
    cut, asks = (_CUT_EN, _ASKS_EN) if language is Language.EN else (_CUT_ZH, _ASKS_ZH)
    found: list[str] = []
    told = ""  # what tells something leads to the question after it
    glue = " " if language is Language.EN else "，"
    for piece in (_GLUE.sub("", p.strip(_ENDS)) for p in cut.split(text) if p):
        if not piece:
            continue
        told = f"{told}{glue}{piece}" if told else piece
        if asks.search(piece) and _is_long(piece, language):
            found.append(told)
            told = ""
    if told and found:
        found[-1] = f"{found[-1]}{glue}{told}"
    return tuple(found) if 1 < len(found) <= MAX_PARTS else (text,)


def composed(parts: Sequence[Part], least: float) -> tuple[Part, ...]:
    """The parts of a reply: one for each answer; none unless every part is probably right.

    Args:
        parts: one for each part of the question, with its best answer.
        least: probability that each must have; 0 composes nothing.
    """
    if not least or not parts or min(part.confidence for part in parts) < least:
        return ()
    once = {part.candidate.answer.id: part for part in reversed(parts)}
    kept = tuple(part for part in parts if once[part.candidate.answer.id] is part)
    return kept if len(kept) > 1 else ()


def fits(parts: Sequence[Part], understood: Understanding, sure: float) -> bool:
    """Whether the parts say more than the one answer to the whole question would.

    Args:
        parts: of the composed reply.
        understood: the question as a whole.
        sure: probability from which its best answer would be said.
    """
    if not parts or not understood.candidates or understood.confidence < sure:
        return bool(parts)
    return understood.candidates[0].answer.id in {part.candidate.answer.id for part in parts}


def words(part: Part, language: Language) -> str:
    """What the visitor reads: the sentences, and which answer they are of."""
    source = SOURCE[language].format(title=part.candidate.answer.title)
    return f"{part.text}\n{source}"


def _is_long(piece: str, language: Language) -> bool:
    if language is Language.EN:
        return len(piece.split()) >= LEAST_WORDS
    return len(piece) >= LEAST_CHARS

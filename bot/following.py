"""A message that leans on the question before it: "and for gift cards?", "那礼品卡呢？".

Pure. Such a message is read alone and together with that question; the more probable reading is
taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bot.domain import Language, StoredEvent, Understanding
from retrieval.candidate import Candidate

LOOKED_AT = 40  # events from the end
SHORT_EN = 3  # words, up to which a message may lean on what was said before
SHORT_ZH = 7  # characters
OWN_WORDS = 0.7  # what the message alone counts beside the joined question; chosen on dev
MARGIN = 0.05  # of confidence by which the message alone is preferred
LEANS_HARD = 0.25  # and by which its joined reading is preferred when its words say that it leans

_LEADS_EN = re.compile(
    r"^(?:ok(?:ay)?[,.]?\s+|so\s+)?(?:and|but|or)?\s*(?:(?:what|how) about|what if|for|if|with|then"
    r"|and|but|or|same for|(?:does|is|will) (?:that|this|it)|(?:do|are|will) (?:they|those|these)"
    r"|can (?:i|you) (?:also )?\w+ (?:that|this|it|them)"
    r"|how (?:long|much|often) (?:does|is|will) (?:that|this|it))\b",
    re.IGNORECASE,
)
_LEADS_ZH = re.compile(
    "^(?:那么?|还有|要是|如果|换成|换做|但是?|或者|这个|它|和|跟)|呢[?？。!！]*$"
)
_STRIPPED_EN = re.compile(r"^(?:and|but|or|so|ok(?:ay)?)[,\s]+", re.IGNORECASE)
_STRIPPED_ZH = re.compile("^(?:那么?|还有|但是?)[，,]?")


def leans(text: str, language: Language) -> bool:
    """Whether `text` may need the question before it to be understood."""
    if is_said_to_lean(text, language):
        return True
    if language is Language.ZH:
        return len(text.strip("?？。!！ ")) <= SHORT_ZH
    return len(text.split()) <= SHORT_EN


def is_said_to_lean(text: str, language: Language) -> bool:
    """Whether the words of `text` say that it goes on with something."""
    pattern = _LEADS_ZH if language is Language.ZH else _LEADS_EN
    return bool(pattern.search(text.strip()))


def question_before(events: Sequence[StoredEvent]) -> str:
    """The visitor's last words in a conversation; empty if there are none, or only buttons.

    Args:
        events: of the conversation, oldest first, without the message at hand.
    """
    for stored in reversed(events):
        if stored.event.name == "user":
            said = str(stored.event.data.get("text") or "")
            metadata = stored.event.data.get("metadata") or {}
            return str(metadata.get("title") or "") if said.startswith("/") else said
    return ""


def joined(before: str, text: str, language: Language) -> str:
    """The question before and `text` as one question."""
    stripped = _STRIPPED_ZH if language is Language.ZH else _STRIPPED_EN
    rest = stripped.sub("", text.strip()) or text
    before = before.strip().rstrip("?？.。!！ ")
    return f"{before}，{rest}" if language is Language.ZH else f"{before}, {rest}"


def combined(
    before: Understanding, alone: Understanding, together: Understanding
) -> tuple[Candidate, ...]:
    """The candidates by what speaks for them in the joined question and in the message alone.

    Without the answer that the question before has got. None if the message adds nothing to that
    question: for the best one, the joined question must say more than the question before did.

    Args:
        before: the question before, alone.
        alone: the message alone.
        together: both as one question.
    """
    if not (before.candidates and together.candidates):
        return ()
    given = before.candidates[0].answer.id
    told = _scores(before)
    own = _scores(alone)
    nothing = min(own.values(), default=0.0)
    found = [
        replace(one, score=one.score + OWN_WORDS * own.get(one.answer.id, nothing))
        for one in together.candidates
        if one.answer.id != given
    ]
    found.sort(key=lambda one: -one.score)
    if not found:
        return ()
    best = found[0].answer.id
    adds = _scores(together)[best] - told.get(best, min(told.values()))
    return tuple(found) if adds > 0 else ()


def is_better(alone: Understanding, together: float, *, said_to_lean: bool) -> bool:
    """Whether the joined reading, right with the probability `together`, is to be taken.

    Both probabilities are calibrated, so they can be compared.
    """
    margin = -LEANS_HARD if said_to_lean else MARGIN
    return together >= alone.confidence + margin


def _scores(understood: Understanding) -> dict[str, float]:
    return {one.answer.id: one.score for one in understood.candidates}

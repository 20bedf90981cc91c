"""A message that leans on the question before it: "and for gift cards?", "那礼品卡呢？".

Pure. Such a message is understood twice, alone and together with that question; `better` takes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.domain import Language, StoredEvent, Understanding

LOOKED_AT = 40  # events from the end
SHORT_EN = 3  # words, up to which a message may lean on what was said before
SHORT_ZH = 5  # characters
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


def better(alone: Understanding, together: Understanding, *, said_to_lean: bool) -> Understanding:
    """The reading that is more probably answered right; calibrated, so they can be compared."""
    margin = -LEANS_HARD if said_to_lean else MARGIN
    return together if together.confidence >= alone.confidence + margin else alone

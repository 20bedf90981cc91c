"""From what the classifier and the extractors say to a parse as Rasa writes it (wire format, 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.dialogue import names
from bot.dialogue.domain import Domain
from classifier.prediction import RankedIntent

SHOWN_INTENTS = 10
"""Rasa cuts its ranking here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """When an intent is not trusted."""

    threshold: float
    """Less probable than this, 0 to 1."""
    ambiguity: float = 0.0
    """So close to the second one."""


def known_texts(examples: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Intents by the texts of examples, blanks and case aside; texts of two intents are left out.

    Rasa's classifiers nearly always know their own examples again; this makes sure of it.
    """
    found: dict[str, str] = {}
    doubtful: set[str] = set()
    for text, intent in examples:
        if found.setdefault(folded(text), intent) != intent:
            doubtful.add(folded(text))
    return {text: intent for text, intent in found.items() if text not in doubtful}


def folded(text: str) -> str:
    """A text as examples are looked up."""
    return " ".join(text.casefold().split())


def parse(
    text: str,
    ranking: Sequence[RankedIntent],
    entities: Sequence[Mapping[str, Any]],
    domain: Domain,
    *,
    doubt: Doubt | None,
) -> dict[str, Any]:
    """What was understood of `text`.

    Args:
        text: the message.
        ranking: all intents, the likeliest first; retrieval intents with their key.
        entities: as they are written in events.
        domain: says which intents are retrieval intents, and which entities there are.
        doubt: when the intent becomes `nlu_fallback`; None trusts every one.
    """
    intents = _whole(ranking)
    top = intents[0] if intents else {"name": None, "confidence": 0.0}
    if intents and doubt is not None and _is_doubtful(intents, doubt):
        top = {"name": names.NLU_FALLBACK, "confidence": doubt.threshold}
        intents.insert(0, top)
    found: dict[str, Any] = {
        "text": text,
        "intent": dict(top),
        "entities": [dict(entity) for entity in entities],
        "intent_ranking": intents[:SHOWN_INTENTS],
    }
    if domain.retrieval_intents:
        found["response_selector"] = _selected(ranking, domain)
    return found


def _whole(ranking: Sequence[RankedIntent]) -> list[dict[str, Any]]:
    """Intents without the keys of retrieval; a retrieval intent is as likely as all its keys."""
    summed: dict[str, float] = {}
    for one in ranking:
        name = one.name.partition("/")[0]
        summed[name] = summed.get(name, 0.0) + one.confidence
    ordered = sorted(summed.items(), key=lambda item: -item[1])
    return [{"name": name, "confidence": min(1.0, value)} for name, value in ordered]


def _is_doubtful(intents: Sequence[Mapping[str, Any]], doubt: Doubt) -> bool:
    if intents[0]["confidence"] < doubt.threshold:
        return True
    if len(intents) < 2:
        return False
    distance = intents[0]["confidence"] - intents[1]["confidence"]
    return bool(distance < doubt.ambiguity)


def _selected(ranking: Sequence[RankedIntent], domain: Domain) -> dict[str, Any]:
    """For each retrieval intent, which of its responses is meant."""
    selected: dict[str, Any] = {"all_retrieval_intents": sorted(domain.retrieval_intents)}
    for intent in sorted(domain.retrieval_intents):
        keys = [one for one in ranking if one.name.startswith(f"{intent}/")]
        total = sum(one.confidence for one in keys) or 1.0
        ranked = [
            {"confidence": one.confidence / total, "intent_response_key": one.name} for one in keys
        ]
        best = ranked[0] if ranked else {"confidence": 0.0, "intent_response_key": None}
        action = f"{names.UTTER}{best['intent_response_key']}"
        responses = [dict(one) for one in domain.responses.get(action, ())] or None
        answer = {"responses": responses, **best, "utter_action": action}
        selected[intent] = {"response": answer, "ranking": ranked[:SHOWN_INTENTS]}
    return selected

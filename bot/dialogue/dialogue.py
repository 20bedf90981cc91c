"""One version of a project's dialogue, ready to talk: domain, policies, words, custom actions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from bot.dialogue import messages, understanding
from bot.dialogue.doing import Context, CustomActions
from bot.dialogue.domain import Domain
from bot.dialogue.history import Sight
from bot.dialogue.prediction import Policy
from bot.dialogue.responses import Responder
from bot.dialogue.tracker import Tracker
from bot.dialogue.understanding import Doubt
from classifier.prediction import RankedIntent

COLLECTOR = "collector"
"""What Rasa calls the channel of its REST answers when it chooses variations."""


class Extractor(Protocol):
    """Finds entities; synchronous, takes well under a millisecond or runs on a model's thread."""

    def extract(self, text: str) -> Sequence[Any]:
        """`classifier.entities.entity.Entity`s in `text`."""


class ActionServer(Protocol):
    """Where custom actions run."""

    def for_turn(self) -> CustomActions:
        """The actions of one turn, which share its deadline."""

    async def refresh(self) -> None:
        """Get ready: start what is to run beside the bot."""

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialogue:
    """All that a turn needs."""

    domain: Domain
    policies: tuple[Policy, ...]
    sight: Sight
    responder: Responder
    actions: ActionServer
    extractor: Extractor
    known_texts: Mapping[str, str] = field(default_factory=dict)
    """Intents by the texts of the examples; see `understanding.known_texts`."""
    doubt: Doubt | None = None
    fingerprint: str = ""
    """Names the version of domain and policies, as far as trackers depend on it."""
    apologises: bool = True
    """Whether a failed action is said to the visitor and a person asked; Rasa passes over it."""

    def context(self, channel: str) -> Context:
        """What actions of one turn on this channel may use."""
        return Context(
            domain=self.domain,
            custom=self.actions.for_turn(),
            responder=self.responder,
            channel=COLLECTOR if channel == "rest" else channel,
        )

    def tracker(self, sender: str) -> Tracker:
        """A conversation of which nothing is known."""
        return Tracker(sender, self.domain, self.sight)

    def stated(self, text: str) -> dict[str, Any] | None:
        """The parse of `/intent{...}`; None when `text` is to be understood as words."""
        return messages.read(text, self.domain)

    def recognised(self, text: str) -> tuple[RankedIntent, ...]:
        """The intent of a text that stands in the examples; empty for others."""
        intent = self.known_texts.get(understanding.folded(text))
        return () if intent is None else (RankedIntent(name=intent, confidence=1.0),)

    def parsed(
        self, text: str, ranking: Sequence[RankedIntent], *, doubt: Doubt | None = None
    ) -> dict[str, Any]:
        """The parse of a text whose intents are ranked; `doubt` instead of the project's own."""
        entities = [entity.to_wire() for entity in self.extractor.extract(text)]
        return understanding.parse(text, ranking, entities, self.domain, doubt=doubt or self.doubt)

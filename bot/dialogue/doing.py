"""What running an action needs: the domain, the way to custom actions, the words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.dialogue.domain import Domain
from bot.dialogue.responses import Responder
from bot.dialogue.tracker import Tracker
from bot.domain import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a custom action answered."""

    responses: tuple[dict[str, Any], ...] = ()
    """Messages as rasa-sdk writes them; `response` names a response of the domain."""
    events: tuple[Event, ...] = ()


class Rejected(Exception):
    """The action refuses to run; another policy may decide."""

    def __init__(self, action: str) -> None:
        super().__init__(f"{action} refused to run")
        self.action = action


class CustomActions(Protocol):
    """Runs custom actions somewhere else."""

    async def run(self, action: str, tracker: Tracker) -> Done:
        """Run `action`.

        Raises:
            Rejected: it refuses.
            errors.ActionError: it could not be run, or answered nothing that can be used.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """All that an action may use."""

    domain: Domain
    custom: CustomActions
    responder: Responder
    channel: str
    """The name of the channel that variations of responses are chosen for."""


def only(found: Sequence[Event], *kinds: str) -> list[Event]:
    """Those of `found` that are of these kinds."""
    return [event for event in found if event.name in kinds]

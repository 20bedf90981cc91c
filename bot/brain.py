"""Everything that understanding and deciding need, in one bundle that is replaced as a whole.

A message is answered by the brain that was there when it came: knowledge, classifier and index of
one reply always belong together.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot import errors
from bot.dialogue.dialogue import Dialogue
from bot.domain import Thresholds, Versions
from bot.knowledge.model import Knowledge
from bot.ports import Classifier, Retriever


@dataclass(frozen=True, slots=True, kw_only=True)
class Brain:
    """One version of all that decides."""

    knowledge: Knowledge
    classifier: Classifier
    retriever: Retriever
    dialogue: Dialogue | None = None
    """Rules, stories, forms and actions; None for a project that only has answers."""
    thresholds: Thresholds | None = None
    """Those that keep the operator's risk; None: those of the settings."""

    @property
    def dialogue_in_use(self) -> Dialogue:
        """The dialogue.

        Raises:
            errors.NotReady: this project has none.
        """
        if self.dialogue is None:
            raise errors.NotReady("This project has no dialogue.")
        return self.dialogue

    @property
    def versions(self) -> Versions:
        """What replies of this brain are made with."""
        return Versions(
            classifier=self.classifier.model_id,
            encoder=self.retriever.encoder_id,
            knowledge=self.knowledge.revision,
        )


class BrainBox:
    """Holds the brain in use. Read and replaced on the event loop only, so it needs no lock."""

    def __init__(self) -> None:
        """Start without one."""
        self._brain: Brain | None = None
        self._ready = asyncio.Event()
        self.getting_ready = "starting"
        """What is being done until there is one."""

    @property
    def brain(self) -> Brain:
        """The brain in use.

        Raises:
            errors.NotReady: there is none yet.
        """
        if self._brain is None:
            raise errors.NotReady(f"Frontdesk is getting ready: {self.getting_ready}.")
        return self._brain

    @property
    def is_ready(self) -> bool:
        """Whether messages can be answered."""
        return self._brain is not None

    async def wait(self) -> None:
        """Return when messages can be answered."""
        await self._ready.wait()

    def replace(self, brain: Brain) -> None:
        """From now on, new messages are answered by `brain`."""
        self._brain = brain
        self._ready.set()

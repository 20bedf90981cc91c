"""From a project's files to a dialogue that is ready: words, extractors, action server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from bot import errors
from bot.actions import nearby
from bot.actions.beside import ActionProcess
from bot.actions.client import ActionClient, Elsewhere, Endpoint, Where
from bot.actions.nearby import Nearby
from bot.actions.nlg import RemoteResponder
from bot.config import Settings
from bot.dialogue import snapshot, understanding
from bot.dialogue.dialogue import Dialogue
from bot.dialogue.responses import DomainResponder, Responder
from bot.dialogue.understanding import Doubt
from bot.knowledge.model import Knowledge
from bot.project import surroundings
from bot.project.project import RasaProject
from classifier import errors as classifier_errors
from classifier.entities import workshop
from classifier.entities.pipeline import EntityExtractor


class Talking:
    """Makes dialogues; the process with the actions outlives them."""

    def __init__(self, settings: Settings) -> None:
        """Nothing runs yet."""
        self._settings = settings
        self._beside: ActionProcess | None = None
        self._clients: list[ActionClient] = []

    def dialogue(self, knowledge: Knowledge) -> Dialogue:
        """The dialogue of a project that has one."""
        project = knowledge.dialogue
        if project is None:
            raise ValueError("this project has no dialogue")
        actions = self._settings.actions
        client = ActionClient(self._where(project), project.domain, deadline_s=actions.deadline_s)
        self._clients.append(client)
        examples = [(one.text, one.intent) for one in project.examples]
        return Dialogue(
            domain=project.domain,
            policies=project.trained.policies,
            sight=project.trained.sight,
            responder=_responder(project),
            actions=client,
            extractor=self.extractor(project),
            known_texts={} if knowledge.answers else understanding.known_texts(examples),
            doubt=self._doubt(knowledge, project),
            fingerprint=snapshot.fingerprint(project.domain, project.trained.sight),
            apologises=actions.on_failure == "apologise",
        )

    async def close(self) -> None:
        """End connections and the process beside."""
        for client in self._clients:
            await client.close()
        if self._beside is not None:
            await self._beside.close()

    def extractor(self, project: RasaProject) -> EntityExtractor:
        """The extractors that the pipeline names; trains one that learns, which takes seconds."""
        kept = self._settings.data / "models" / "entities"
        try:
            return workshop.open_extractor(project.config.pipeline, project.entity_data, kept)
        except classifier_errors.ClassifierError as cause:
            message = str(cause).removesuffix(cause.hint).strip()
            raise errors.ModelError(message, hint=cause.hint) from cause

    def _doubt(self, knowledge: Knowledge, project: RasaProject) -> Doubt | None:
        fallback = project.config.fallback
        if fallback is not None:
            return Doubt(threshold=fallback.threshold, ambiguity=fallback.ambiguity)
        return Doubt(threshold=self._settings.policy.rule) if knowledge.has_answers else None

    def _where(self, project: RasaProject) -> Where:
        written = project.endpoints.get("action_endpoint")
        there = None
        if isinstance(written, Mapping) and written.get("url"):
            there = endpoint_of(written)
        ours = surroundings.has_actions(project.root) and self._settings.actions.run_beside
        if not ours or (there is not None and not nearby.is_near(there)):
            return Elsewhere(there)
        if self._beside is None:
            self._beside = ActionProcess(project.root)
        return self._beside if there is None else Nearby(there, self._beside)


def endpoint_of(written: Mapping[str, Any]) -> Endpoint:
    """An endpoint as endpoints.yml writes it."""
    auth = written.get("basic_auth") or {}
    token, password = written.get("token"), auth.get("password")
    return Endpoint(
        url=str(written["url"]),
        token=SecretStr(str(token)) if token else None,
        headers={str(key): str(value) for key, value in (written.get("headers") or {}).items()},
        user=auth.get("username"),
        password=SecretStr(str(password)) if password else None,
        selective_domain=bool(written.get("enable_selective_domain")),
    )


def _responder(project: RasaProject) -> Responder:
    written = project.endpoints.get("nlg")
    if isinstance(written, Mapping) and written.get("url"):
        return RemoteResponder(endpoint_of(written), project.domain)
    return DomainResponder(project.domain)

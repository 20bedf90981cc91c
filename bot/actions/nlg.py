"""Words from a server of the company's own (`nlg:` in endpoints.yml), as Rasa asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from bot import errors
from bot.actions.client import MAX_ANSWER_BYTES, Endpoint, auth_of
from bot.dialogue import responses
from bot.dialogue.domain import Domain
from bot.dialogue.tracker import Tracker

DEADLINE_S = 5.0
HINT = "Check `nlg:` in endpoints.yml, and the log of that server."


class RemoteResponder:
    """Asks a server for every response."""

    def __init__(self, endpoint: Endpoint, domain: Domain) -> None:
        """Ask `endpoint` about the responses of `domain`."""
        self._endpoint = endpoint
        self._domain = domain

    async def say(
        self, response: str, tracker: Tracker, channel: str, args: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What the server says.

        Raises:
            errors.ActionError: it does not answer, or with a failure, or with no JSON object.
        """
        asked = {
            "response": response,
            "id": self._variation(response, tracker, channel),
            "arguments": dict(args),
            "tracker": tracker.as_dict(events=tracker.tail),
            "channel": {"name": channel},
        }
        try:
            status, body = await self._post(orjson.dumps(asked))
            found = orjson.loads(body) if status == 200 and body else None
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as cause:
            raise _failed(response, f"{type(cause).__name__}: {cause}") from cause
        if status not in (200, 204):
            raise _failed(response, f"it answered {status}")
        if found is not None and found != "" and not isinstance(found, dict):
            raise _failed(response, f"it answered no JSON object but {found!r:.60}")
        return found or None

    async def _post(self, body: bytes) -> tuple[int, bytes]:
        token = self._endpoint.token
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as session,
            session.post(
                self._endpoint.url,
                data=body,
                headers={"Content-Type": "application/json", **self._endpoint.headers},
                params={"token": token.get_secret_value()} if token else {},
                auth=auth_of(self._endpoint),
                allow_redirects=False,
            ) as answer,
        ):
            read = bytearray()
            async for chunk in answer.content.iter_chunked(65536):
                read += chunk
                if len(read) > MAX_ANSWER_BYTES:
                    raise aiohttp.ClientPayloadError(f"more than {MAX_ANSWER_BYTES} bytes")
            return answer.status, bytes(read)

    def _variation(self, response: str, tracker: Tracker, channel: str) -> str | None:
        """The `id:` that the domain gives to the first variation that fits, if it gives one."""
        variations = self._domain.responses.get(response, ())
        usable = responses.fitting(variations, tracker.state.slots, channel)
        found = usable[0].get("id") if usable else None
        return None if found is None else str(found)


def _failed(response: str, how: str) -> errors.ActionError:
    return errors.ActionError(f"{response!r}: the NLG server failed: {how}.", hint=HINT)

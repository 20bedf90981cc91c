"""Words from a server of the company's own (`nlg:` in endpoints.yml), as Rasa asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
import orjson

from bot import errors
from bot.actions.client import Endpoint
from bot.dialogue.tracker import Tracker

DEADLINE_S = 5.0


class RemoteResponder:
    """Asks a server for every response."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Ask `endpoint`."""
        self._endpoint = endpoint

    async def say(
        self, response: str, tracker: Tracker, channel: str, args: Mapping[str, Any]
    ) -> dict[str, Any] | None:
        """What the server says.

        Raises:
            errors.ActionError: it does not answer, or no JSON object.
        """
        asked = {
            "response": response,
            "arguments": dict(args),
            "tracker": tracker.as_dict(events=tracker.tail),
            "channel": {"name": channel},
        }
        token = self._endpoint.token
        params = {"token": token.get_secret_value()} if token else {}
        headers = {"Content-Type": "application/json", **self._endpoint.headers}
        timeout = aiohttp.ClientTimeout(total=DEADLINE_S)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(
                    self._endpoint.url, data=orjson.dumps(asked), headers=headers, params=params
                ) as answer,
            ):
                found = orjson.loads(await answer.read())
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as cause:
            raise errors.ActionError(
                f"{response!r}: the NLG server failed: {cause!r}.",
                hint="Check `nlg:` in endpoints.yml.",
            ) from cause
        return found if isinstance(found, dict) and found else None

"""Saying a response, and running a custom action with the messages that it sends."""

from __future__ import annotations

from typing import Any

from bot.dialogue import responses
from bot.dialogue.doing import Context
from bot.dialogue.tracker import Tracker
from bot.domain import Event


async def utter(response: str, context: Context, tracker: Tracker) -> list[Event]:
    """Say `response`; nothing when this channel has no variation of it."""
    said = await context.responder.say(response, tracker, context.channel, {})
    return [] if said is None else [responses.bot_event({**said, "utter_action": response})]


async def retrieve(action: str, context: Context, tracker: Tracker) -> list[Event]:
    """Say what the retrieval chose for the message, as `utter_faq/price` for `utter_faq`."""
    message = tracker.state.latest_message
    parse = (message.data.get("parse_data") or {}) if message else {}
    selected = parse.get("response_selector") or {}
    intent = action.removeprefix("utter_")
    chosen = (selected.get(intent) or selected.get("default") or {}).get("response") or {}
    name = chosen.get("utter_action")
    return await utter(name, context, tracker) if name else []


async def custom(action: str, context: Context, tracker: Tracker) -> list[Event]:
    """Run a custom action: what it says, then its events.

    Raises:
        Rejected: it refuses.
        errors.ActionError: it could not be run.
    """
    done = await context.custom.run(action, tracker)
    said: list[Event] = []
    for sent in done.responses:
        event = await _said(sent, context, tracker)
        if event is not None:
            said.append(event)
    return [*said, *done.events]


async def _said(sent: dict[str, Any], context: Context, tracker: Tracker) -> Event | None:
    """A message of an action server; one that names a response is filled with the rest of it."""
    rest = dict(sent)
    response = rest.pop("response", None)
    draft: dict[str, Any] = {}
    if response:
        found = await context.responder.say(response, tracker, context.channel, rest)
        if not found:
            return None
        draft = {**found, "utter_action": response}
    buttons = rest.pop("buttons", None) or []
    if buttons:
        draft["buttons"] = [*(draft.get("buttons") or []), *buttons]
    draft.update({key: value for key, value in rest.items() if value})
    return responses.bot_event(draft)

"""Runs an action by its name: built-in, response, form or custom."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bot.dialogue import events, extraction, names, responses, speaking
from bot.dialogue.doing import Context
from bot.dialogue.tracker import Tracker
from bot.domain import Event

Run = Callable[[Context, Tracker], Awaitable[list[Event]]]


async def run(action: str, context: Context, tracker: Tracker) -> list[Event]:
    """The events that `action` leads to; the tracker stays as it is.

    Raises:
        Rejected: it refuses to run.
        errors.ActionError: a custom action could not be run.
    """
    domain = context.domain
    if action in domain.texts:
        return [responses.bot_event({"text": action})]
    if action in _DEFAULTS and action not in domain.user_actions and action not in domain.forms:
        return await _DEFAULTS[action](context, tracker)
    if action.startswith(names.UTTER):
        if domain.is_retrieval(action):
            return await speaking.retrieve(action, context, tracker)
        return await speaking.utter(action, context, tracker)
    if action in domain.forms and action not in domain.user_actions:
        return await _form(action, context, tracker)
    return await speaking.custom(action, context, tracker)


async def _form(action: str, context: Context, tracker: Tracker) -> list[Event]:
    from bot.dialogue import forms, loops  # noqa: PLC0415 - forms run actions and are actions

    return await loops.run(forms.FormAction(action), context, tracker)


async def _two_stage(context: Context, tracker: Tracker) -> list[Event]:
    from bot.dialogue import fallback, loops  # noqa: PLC0415 - as above

    return await loops.run(fallback.TwoStageFallback(), context, tracker)


async def _nothing(_context: Context, _tracker: Tracker) -> list[Event]:
    return []


async def _restart(context: Context, tracker: Tracker) -> list[Event]:
    said = await speaking.utter("utter_restart", context, tracker)
    return [*said, events.make("restart")]


async def _back(context: Context, tracker: Tracker) -> list[Event]:
    said = await speaking.utter("utter_back", context, tracker)
    return [*said, events.make("rewind"), events.make("rewind")]


async def _default_fallback(context: Context, tracker: Tracker) -> list[Event]:
    said = await speaking.utter(names.UTTER_DEFAULT, context, tracker)
    return [*said, events.make("rewind")]


async def _ask_rephrase(context: Context, tracker: Tracker) -> list[Event]:
    return await speaking.utter("utter_ask_rephrase", context, tracker)


async def _session_start(context: Context, tracker: Tracker) -> list[Event]:
    """A new session; slots are carried over if the domain says so."""
    carried = [one.event for one in tracker.applied if one.event.name == "slot"]
    kept = carried if context.domain.session.carry_over_slots else []
    again = [events.slot(event.data["name"], event.data["value"]) for event in kept]
    return [events.make("session_started"), *again, events.action(names.LISTEN)]


async def _deactivate_loop(_context: Context, _tracker: Tracker) -> list[Event]:
    return [events.active_loop(None), events.slot(names.REQUESTED_SLOT, None)]


async def _ask_affirmation(_context: Context, tracker: Tracker) -> list[Event]:
    """Ask whether the likeliest intent was meant."""
    message = tracker.state.latest_message
    parse: dict[str, Any] = (message.data.get("parse_data") or {}) if message else {}
    intent, ranking = tracker.state.intent, parse.get("intent_ranking") or []
    if intent == names.NLU_FALLBACK and len(ranking) > 1:
        intent = ranking[1].get("name")
    buttons = [
        {"title": "Yes", "payload": f"/{intent}"},
        {"title": "No", "payload": f"/{names.OUT_OF_SCOPE}"},
    ]
    asked = {"text": f"Did you mean '{intent}'?", "buttons": buttons}
    return [responses.bot_event({**asked, "utter_action": names.ASK_AFFIRMATION})]


_DEFAULTS: dict[str, Run] = {
    names.LISTEN: _nothing,
    names.UNLIKELY_INTENT: _nothing,
    names.REVERT_FALLBACK: _nothing,
    names.RESTART: _restart,
    names.SESSION_START: _session_start,
    names.DEFAULT_FALLBACK: _default_fallback,
    names.DEACTIVATE_LOOP: _deactivate_loop,
    names.ASK_AFFIRMATION: _ask_affirmation,
    names.ASK_REPHRASE: _ask_rephrase,
    names.TWO_STAGE_FALLBACK: _two_stage,
    names.BACK: _back,
    names.EXTRACT_SLOTS: extraction.extract,
    names.HANDOFF: _nothing,  # that it was done is what counts; a project may have its own
}

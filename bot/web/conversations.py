"""Rasa's HTTP API over conversations (wire format, 5): look at trackers, and act on them."""

from __future__ import annotations

import functools
import hmac
import ipaddress
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
import pydantic
from aiohttp import web

from bot import errors, text
from bot.assembly import Parts
from bot.dialogue import events
from bot.dialogue.prediction import Choice
from bot.dialogue.tracker import Tracker
from bot.domain import Event, Turn
from bot.project.story_writer import story_of
from bot.web import addressed, rasa, schemas
from bot.web.addressed import Asked
from bot.web.keys import PARTS
from bot.web.middleware import RASA_VERSION
from bot.web.schemas import M

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
VERBOSITIES = ("NONE", "APPLIED", "AFTER_RESTART", "ALL")


def guarded(handler: Handler) -> Handler:
    """Let in who knows the token; without a token in the settings, only this machine."""

    @functools.wraps(handler)  # its name becomes the operation's id
    async def check(request: web.Request) -> web.StreamResponse:
        server = request.app[PARTS].settings.server
        wanted = server.api_token.get_secret_value()
        if wanted:
            if not hmac.compare_digest(_sent_token(request).encode(), wanted.encode()):
                raise errors.Unauthorized(
                    "This needs the API token.",
                    hint="Send ?token=... or 'Authorization: Bearer ...'.",
                )
        elif not _is_loopback(server.host) or "Origin" in request.headers:
            raise errors.Unauthorized(
                "The API is off: no token is set and others could reach it.",
                hint="Set server.api_token.",
            )
        return await handler(request)

    return check


def _sent_token(request: web.Request) -> str:
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    return sent if scheme == "Bearer" else request.query.get("token", "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@guarded
async def show_tracker(request: web.Request) -> web.Response:
    """The tracker of a conversation; of an unknown one as if it had just begun."""
    asked = await addressed.asked(request)
    parts = asked.parts
    _verbosity(request)
    tracker = await parts.engine.look(asked.channel, asked.sender)
    until = request.query.get("until")
    if until is not None:
        last = _number(until)
        happened = await asked.events()
        tracker = tracker.fresh(e for e in happened if e.timestamp <= last)
        return _json(tracker.as_dict(events=tracker.tail))
    return _json(await _shown(request, asked, tracker))


@guarded
async def append_events(request: web.Request) -> web.Response:
    """Let events happen; `execute_side_effects` says them and sets reminders, too."""
    asked = await addressed.asked(request)
    parts = asked.parts
    has_effects = request.query.get("execute_side_effects", "").lower() == "true"
    _, tracker = await parts.steering.append(
        asked.channel,
        asked.sender,
        await _events(request),
        speaks=has_effects and asked.speaks,
        reminds=has_effects,
    )
    return _json(await _shown(request, asked, tracker))


@guarded
async def replace_events(request: web.Request) -> web.Response:
    """Start the conversation anew with these events; the old ones stay in the log."""
    asked = await addressed.asked(request)
    parts = asked.parts
    sent = [{"event": "restart"}, *(await _events(request))]
    _, tracker = await parts.steering.append(asked.channel, asked.sender, sent)
    return _json(await _shown(request, asked, tracker))


@guarded
async def trigger_intent(request: web.Request) -> web.Response:
    """Go on as if the visitor had meant an intent."""
    asked = await addressed.asked(request)
    parts = asked.parts
    body = await _sent(
        request, schemas.IntentRequest, name="Name of the intent not provided in request body."
    )
    done = await parts.steering.trigger(
        asked.channel, asked.sender, body.name, body.entities, speaks=asked.speaks
    )
    return _json(await _done(request, asked, *done))


@guarded
async def execute(request: web.Request) -> web.Response:
    """Run an action in a conversation that exists."""
    asked = await addressed.asked(request)
    parts = asked.parts
    await _existing(asked)
    body = await _sent(
        request, schemas.ActionRequest, name="Name of the action not provided in request body."
    )
    done = await parts.steering.execute(
        asked.channel,
        asked.sender,
        body.name,
        policy=body.policy,
        confidence=body.confidence,
        speaks=asked.speaks,
    )
    return _json(await _done(request, asked, *done))


@guarded
async def add_message(request: web.Request) -> web.Response:
    """Note a message of the visitor without answering it."""
    asked = await addressed.asked(request)
    parts = asked.parts
    body = await _sent(
        request,
        schemas.NotedMessage,
        sender="Currently, only user messages can be passed to this endpoint.",
        text="No text was sent.",
    )
    limit = parts.settings.limits.max_text_chars
    words = text.clean(body.text, max_chars=limit)
    _, tracker = await parts.steering.log(asked.channel, asked.sender, words, parse=body.parse_data)
    return _json(await _shown(request, asked, tracker))


@guarded
async def predict(request: web.Request) -> web.Response:
    """What would be done next in a conversation."""
    asked = await addressed.asked(request)
    parts = asked.parts
    await _existing(asked)
    choice, tracker = await parts.steering.predict(asked.channel, asked.sender)
    return _json(_predicted(parts, choice, await _shown(request, asked, tracker)))


@guarded
async def predict_for_events(request: web.Request) -> web.Response:
    """What would be done next in a conversation that consists of these events."""
    parts = request.app[PARTS]
    tracker = parts.engine.dialogue.tracker("default")
    tracker.extend(events.read(await _events(request)))
    choice = parts.steering.choice(tracker)
    return _json(_predicted(parts, choice, tracker.as_dict(events=tracker.tail)))


@guarded
async def story(request: web.Request) -> web.Response:
    """The conversation as a story in YAML."""
    asked = await addressed.asked(request)
    happened = await _existing(asked)
    return web.Response(text=story_of(asked.sender, happened), content_type="text/plain")


@guarded
async def domain(request: web.Request) -> web.Response:
    """The domain, as JSON or as YAML."""
    raw = request.app[PARTS].engine.dialogue.domain.raw
    accept = request.headers.get("Accept", "*/*")
    if "application/json" in accept or "*/*" in accept:
        return _json(dict(raw))
    if accept in ("application/x-yaml", "application/yaml"):
        from bot.project.story_writer import yaml_of  # noqa: PLC0415

        return web.Response(text=yaml_of(raw), content_type="application/x-yaml")
    raise errors.NotAcceptable(
        f"Accept: {accept} cannot be met.",
        hint="Send `Accept: application/json` or `Accept: application/x-yaml`.",
    )


@guarded
async def status(request: web.Request) -> web.Response:
    """Which model is in use."""
    versions = request.app[PARTS].box.brain.versions
    return _json(
        {
            "model_file": versions.classifier,
            "model_id": versions.knowledge,
            "num_active_training_jobs": 0,
        }
    )


async def version(_request: web.Request) -> web.Response:
    """Whose API this is."""
    return _json({"version": RASA_VERSION, "minimum_compatible_version": RASA_VERSION})


async def _existing(asked: Asked) -> list[Event]:
    happened = await asked.events()
    if not happened:
        raise errors.NotFound("Conversation ID not found.")
    return happened


async def _shown(request: web.Request, asked: Asked, tracker: Tracker) -> dict[str, Any]:
    """The tracker as JSON, with the events that `include_events` wants."""
    wanted = _verbosity(request)
    if wanted == "NONE":
        return tracker.as_dict(events=None)
    if wanted == "APPLIED":
        return tracker.as_dict(events=[one.event for one in tracker.applied])
    happened = await asked.events() or tracker.tail
    if wanted == "AFTER_RESTART":
        restarts = [place for place, event in enumerate(happened) if event.name == "restart"]
        happened = happened[restarts[-1] + 1 :] if restarts else happened
    return tracker.as_dict(events=happened)


def _verbosity(request: web.Request) -> str:
    wanted = request.query.get("include_events", "AFTER_RESTART")
    if wanted not in VERBOSITIES:
        raise errors.BadRequest(
            "Invalid parameter value for 'include_events'. Should be one of "
            f"{', '.join(VERBOSITIES)}"
        )
    return wanted


async def _done(request: web.Request, asked: Asked, turn: Turn, tracker: Tracker) -> dict[str, Any]:
    """As in Rasa, what went to the visitor's channel is not handed back."""
    shown = {"tracker": await _shown(request, asked, tracker)}
    return shown if asked.speaks else shown | {"messages": rasa.rendered(asked.sender, turn)}


def _predicted(parts: Parts, choice: Choice, tracker: Mapping[str, Any]) -> dict[str, Any]:
    domain_actions = parts.engine.dialogue.domain.action_names
    scores = [{"action": name, "score": choice.scores.get(name, 0.0)} for name in domain_actions]
    return {
        "scores": sorted(scores, key=lambda one: (-float(str(one["score"])), str(one["action"]))),
        "policy": choice.policy,
        "confidence": choice.confidence,
        "tracker": tracker,
    }


async def _events(request: web.Request) -> list[Any]:
    body = await _body(request)
    sent = body if isinstance(body, list) else [body]
    for one in sent:
        _valid(one, schemas.EventSent, event="An event without its kind, `event`.")
    return sent


async def _sent(request: web.Request, model: type[M], **otherwise: str) -> M:
    """The body as `model`; `otherwise` has Rasa's words for fields that are wrong."""
    return _valid(await _body(request), model, **otherwise)


def _valid(sent: object, model: type[M], **otherwise: str) -> M:
    try:
        return model.model_validate(sent)
    except pydantic.ValidationError as cause:
        where = str((cause.errors(include_url=False)[0]["loc"] or ("",))[0])
        said = otherwise.get(where) or schemas.explain(cause, model)
        raise errors.BadRequest(said, hint="See /openapi.json.") from cause


async def _body(request: web.Request) -> object:
    try:
        return orjson.loads(await request.read())
    except orjson.JSONDecodeError as cause:
        raise errors.BadRequest("Failed when parsing body as json") from cause


def _number(written: str) -> float:
    try:
        number = float(written)
    except ValueError as cause:
        raise errors.BadRequest(f"until={written!r} is no number.") from cause
    if not math.isfinite(number):
        raise errors.BadRequest(f"until={written!r} is no point in time.")
    return number


def _json(value: object) -> web.Response:
    body = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
    return web.Response(body=body, content_type="application/json")

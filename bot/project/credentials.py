"""credentials.yml of a Rasa project as sections of channels: its names and keys in ours.

A section keeps the name that it has in Rasa, and with it its address (`/webhooks/facebook/webhook`)
and what `input_channel` says.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ALWAYS_THERE = ("rest", "rasa", "cmdline", "chatroom")
"""`rest` is served anyway; the others belong to Rasa X, Rasa's shell and its widget."""

KINDS = {
    "botframework": "teams",
    "callback": "callback",
    "facebook": "messenger",
    "slack": "slack",
    "socketio": "socketio",
    "telegram": "telegram",
    "twilio": "twilio",
}
"""The name of a channel in Rasa → its kind here."""

KEYS: Mapping[str, Mapping[str, str]] = {
    "botframework": {"app_id": "app_id", "app_password": "app_password"},
    "callback": {"url": "url", "token": "token", "headers": "headers"},
    "facebook": {
        "verify": "verify_token",
        "secret": "app_secret",
        "page-access-token": "access_token",
    },
    "slack": {"slack_token": "bot_token", "slack_signing_secret": "signing_secret"},
    "socketio": {
        name: name
        for name in (
            "user_message_evt",
            "bot_message_evt",
            "namespace",
            "session_persistence",
            "socketio_path",
            "jwt_key",
            "jwt_method",
            "metadata_key",
        )
    },
    "telegram": {"access_token": "bot_token", "verify": "username", "webhook_url": "webhook_url"},
    "twilio": {"account_sid": "account_sid", "auth_token": "auth_token"},
}
"""Keys of credentials.yml → settings of the channel."""

_REPLIES_WHERE_ASKED = "replies go to where the visitor wrote"
WITHOUT_EFFECT: Mapping[str, Mapping[str, str]] = {
    "slack": {
        "slack_channel": f"{_REPLIES_WHERE_ASKED}, as a message to the bot or in its channel",
        "use_threads": "replies stay in the thread that the visitor wrote in",
        "conversation_granularity": "see docs/channels/slack.md for what is one conversation",
        "proxy": "set `api_url` in frontdesk.toml to go through a proxy",
        "slack_retry_reason_header": "repeated deliveries are known by their id",
        "slack_retry_number_header": "repeated deliveries are known by their id",
        "errors_ignore_retry": "repeated deliveries are known by their id",
    },
    "twilio": {"twilio_number": "replies come from the number that the visitor wrote to"},
}
"""Keys that something else stands for, and what."""

MEANT = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A channel of credentials.yml."""

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """As under `[channels.<name>]`, `kind` included."""
    notes: tuple[tuple[str, str], ...] = ()
    """Keys that are not taken over, and what stands for them."""
    problem: str = ""
    """Why the channel cannot be opened; empty when it can, as far as the file tells."""
    hint: str = ""


def sections(credentials: Mapping[str, Any]) -> tuple[Section, ...]:
    """The channels that credentials.yml asks for, variables filled in."""
    return tuple(
        _section(str(name), written)
        for name, written in credentials.items()
        if name not in ALWAYS_THERE
    )


def derived(section: Section, key: bytes, origins: Sequence[str]) -> dict[str, Any]:
    """What the channel needs and credentials.yml does not have.

    Args:
        section: of a channel that can be opened.
        key: of this server.
        origins: of the pages that may connect.
    """
    if section.settings["kind"] == "socketio":
        about = f"socketio {section.name}".encode()
        return {"session_key": _digest(key, about), "allowed_origins": tuple(origins)}
    if section.settings["kind"] == "telegram":
        token = str(section.settings.get("bot_token", "")).encode()
        return {"secret": _digest(token, b"frontdesk: Telegram calls")}
    return {}


def _digest(key: bytes, about: bytes) -> str:
    return hmac.new(key, about, "sha256").hexdigest()


def _section(name: str, written: object) -> Section:
    kind = KINDS.get(name)
    if kind is None:
        return Section(
            name=name,
            problem="there is no such channel here.",
            hint="REST, callback and webhook serve any client; docs/channels has the others.",
        )
    values = dict(written) if isinstance(written, Mapping) else {}
    if missing := sorted(set(MEANT.findall(repr(values)))):
        return Section(
            name=name,
            problem=f"the environment variable {missing[0]} is not set.",
            hint="Set it where the server is started.",
        )
    taken = {
        ours: values[theirs]
        for theirs, ours in KEYS[name].items()
        if values.get(theirs) is not None
    }
    taken = _COMPLETED.get(name, _as_it_is)(taken, values)
    return Section(name=name, settings={"kind": kind, **taken}, notes=tuple(_notes(name, values)))


def _notes(name: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    known = {*KEYS[name], *_READ_BESIDES.get(name, ())}
    for key in values:
        if key in known:
            continue
        why = WITHOUT_EFFECT.get(name, {}).get(str(key))
        yield str(key), why or "it is not known"


def _as_it_is(taken: dict[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    return taken


def _callback(taken: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Rasa's callers send no token, so none is asked for unless frontdesk.toml names one."""
    auth = values.get("basic_auth")
    if isinstance(auth, Mapping):
        taken |= {"user": str(auth.get("username", "")), "password": str(auth.get("password", ""))}
    return {"open_to_all": True, **taken}


def _socketio(taken: dict[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    """Rasa's defaults where they differ from ours."""
    return {"session_persistence": False, **taken}


def _telegram(taken: dict[str, Any], _values: Mapping[str, Any]) -> dict[str, Any]:
    """Rasa's documents leave a place holder without scheme; such an address is not called."""
    if not str(taken.get("webhook_url", "")).startswith("https://"):
        taken.pop("webhook_url", None)
    return taken


_COMPLETED = {"callback": _callback, "socketio": _socketio, "telegram": _telegram}
_READ_BESIDES = {"callback": ("basic_auth",)}

"""Which channels there are, and how settings become channels. See `bot.channels` for the rules."""

from __future__ import annotations

import difflib
import importlib
import re
from collections.abc import Mapping
from importlib import metadata
from typing import Any, Protocol, cast

import pydantic
from pydantic import BaseModel, ConfigDict

from bot import errors
from bot.channels.channel import Channel

GROUP = "frontdesk.channels"
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
TAKEN = frozenset({"rest", "widget", "cli"})
"""Channels that are always there, and whose addresses are."""

TABLE: Mapping[str, str] = {
    "callback": "bot.channels.callback",
    "chatwoot": "bot.channels.chatwoot",
    "dingtalk": "bot.channels.dingtalk",
    "feishu": "bot.channels.feishu",
    "line": "bot.channels.line",
    "messenger": "bot.channels.messenger",
    "slack": "bot.channels.slack",
    "socketio": "bot.channels.sio",
    "teams": "bot.channels.teams",
    "telegram": "bot.channels.telegram",
    "twilio": "bot.channels.twilio",
    "webhook": "bot.channels.webhook",
    "wechat": "bot.channels.wechat",
    "wecom": "bot.channels.wecom",
    "wecom_kf": "bot.channels.wecom_kf",
    "whatsapp": "bot.channels.whatsapp",
}
"""Our own channels: kind → module."""


class ChannelSettings(BaseModel):
    """What every channel's `Settings` inherits: unknown keys are errors, secrets stay hidden."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ChannelModule(Protocol):
    """A module that makes channels of one kind."""

    Settings: type[ChannelSettings]

    def open_channel(self, name: str, settings: Any) -> Channel:  # noqa: ANN401 - its own Settings
        """A channel of this kind; opens nothing."""


def kinds() -> dict[str, str]:
    """Every kind of channel and the module that makes it, ours and those of entry points."""
    others = {found.name: found.value for found in metadata.entry_points(group=GROUP)}
    return others | dict(TABLE)


def module_of(kind: str) -> ChannelModule:
    """The module of a kind.

    Raises:
        errors.ConfigError: there is none, or it cannot be imported; says what to do.
    """
    known = kinds()
    if kind not in known:
        near = difflib.get_close_matches(kind, known, n=1)
        advice = f"Did you mean {near[0]!r}?" if near else f"Known are: {', '.join(sorted(known))}."
        raise errors.ConfigError(f"There is no channel {kind!r}.", hint=advice)
    try:
        return cast("ChannelModule", importlib.import_module(known[kind]))
    except ImportError as cause:
        raise errors.ConfigError(
            f"The channel {kind!r} cannot be loaded: {cause}.",
            hint="Install the package that it names.",
        ) from cause


def open_one(name: str, section: Mapping[str, Any]) -> Channel:
    """The channel of `[channels.<name>]`.

    Raises:
        errors.ConfigError: the section is wrong; names it, and never a value of it.
    """
    if not NAME.fullmatch(name) or name in TAKEN:
        raise errors.ConfigError(
            f"A channel cannot be named {name!r}.",
            hint="Use up to 40 of a-z 0-9 _ -, and none of " + ", ".join(sorted(TAKEN)) + ".",
        )
    kind = str(section.get("kind", name))
    module = module_of(kind)
    given = {key: value for key, value in section.items() if key != "kind"}
    try:
        settings = module.Settings.model_validate(given)
    except pydantic.ValidationError as cause:
        raise errors.ConfigError(
            f"[channels.{name}] {explain(cause)}.",
            hint=f"Known are: {', '.join(module.Settings.model_fields)}.",
        ) from None  # the cause would show the values
    return module.open_channel(name, settings)


def explain(cause: pydantic.ValidationError) -> str:
    """What is wrong first, without the value: it may be a secret."""
    first = cause.errors(include_input=False, include_context=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "the section"
    return f"{where}: {first['msg']}"

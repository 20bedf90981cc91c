"""Which channels are opened: those of frontdesk.toml and those of a project's credentials.yml.

A section of frontdesk.toml adds to the one of the same name in credentials.yml, and wins. What
Rasa does not ask for and we need (keys that prove who calls) is derived, so that a Rasa project
runs as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from bot import config, errors
from bot.channels import catalogue
from bot.channels.channel import Channel
from bot.config import Settings
from bot.project import credentials, sources
from bot.project.credentials import Section
from classifier import errors as classifier_errors
from classifier import rasa_yaml

FILE = "credentials.yml"
_log = structlog.get_logger()


def opened(settings: Settings, key: bytes) -> dict[str, Channel]:
    """All channels, by name; one of credentials.yml that cannot be opened is told in the log.

    Args:
        settings: name the project and the channels of frontdesk.toml.
        key: of this server; keys of channels are derived from it.

    Raises:
        errors.ConfigError: a section of frontdesk.toml is wrong.
    """
    found: dict[str, Channel] = {}
    for name, section in sections(settings, key).items():
        try:
            found[name] = catalogue.open_one(name, section)
        except errors.ConfigError as cause:
            if name in settings.channels:
                raise
            _tell(name, str(cause))
    return found


def sections(settings: Settings, key: bytes) -> dict[str, Mapping[str, Any]]:
    """The section of each channel, `kind` included."""
    found: dict[str, Mapping[str, Any]] = {}
    for section in of_project(settings):
        if section.problem:
            _tell(section.name, f"{section.problem} {section.hint}")
            continue
        added = settings.channels.get(section.name, {})
        if added.get("kind", section.settings["kind"]) != section.settings["kind"]:
            continue  # frontdesk.toml has something else under this name
        derived = credentials.derived(section, key, _origins(settings))
        found[section.name] = {**derived, **section.settings, **added}
    return {**{name: dict(given) for name, given in settings.channels.items()}, **found}


def of_project(settings: Settings) -> tuple[Section, ...]:
    """What credentials.yml of the project asks for; nothing if it cannot be read."""
    path = settings.project / FILE
    if not path.is_file():
        return ()
    try:
        written = sources.plain(rasa_yaml.load(path, name=FILE))
    except classifier_errors.DatasetError as cause:
        _log.error(str(cause), action="credentials_broken")
        return ()
    return credentials.sections(sources.filled(written, config.environment()))


def _origins(settings: Settings) -> tuple[str, ...]:
    """Pages that may connect: the listed ones, else those of this server."""
    server = settings.server
    own = [f"http://{host}:{server.port}" for host in ("localhost", "127.0.0.1")]
    return (*server.allowed_origins, *([server.public_url] if server.public_url else own))


def _tell(name: str, problem: str) -> None:
    _log.warning(f"{FILE}: {name} is not opened: {problem}", action="channel_not_opened")

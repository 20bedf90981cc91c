"""What else lies in a Rasa project's folder, and what becomes of it here; for the parity report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bot import errors
from bot.channels import catalogue
from bot.project import credentials as channels
from bot.project import imports
from bot.project import sources as files
from bot.project.credentials import Section
from bot.project.findings import Findings, Parity, nearest
from bot.project.sources import Source, plain

STORES = {
    "tracker_store": "conversations are kept in the database of `database.url`.",
    "event_broker": "events are sent as `[[subscribers]]` of frontdesk.toml say.",
    "lock_store": "messages of a conversation wait for each other without one.",
    "models": "models are trained from the project itself.",
}
"""Keys of endpoints.yml that something else stands for here."""
USED = ("action_endpoint", "nlg")
"""Keys of endpoints.yml that are used."""
ASIDE = {
    "callback": "Callers need no token, as in Rasa; `incoming_token` under [channels.callback] of "
    "frontdesk.toml asks for one.",
    "socketio": "Pages of server.allowed_origins may connect; session ids are given out by the "
    "server.",
    "telegram": "Its updates prove themselves by a secret, which Telegram gets with `webhook_url`.",
}
"""What is done otherwise in a channel, for its line of the report."""
DATA_KEYS = ("version", "nlu", "stories", "rules")
OLD_FORMATS = (".md", ".json")
JSON_READ_BYTES = 2_000
"""So much of a JSON file is looked at to tell training data from anything else."""


def note_data(root: Path, data: Sequence[Source], domain_keys: Sequence[str], to: Findings) -> None:
    """Training data that is not read: keys of later versions, Markdown, JSON."""
    known = (*DATA_KEYS, *domain_keys, "entities", "config", "e2e_actions")
    for source in data:
        for key in source.data:
            if key not in known:
                line = source.line(source.data, key)
                what = f"the key {key!r} is not known and ignored."
                to.note(Parity.UNSUPPORTED, what, source.name, line, nearest(str(key), known, ""))
    for path in _old(root / "data"):
        to.note(
            Parity.UNSUPPORTED,
            "training data in the format of Rasa 1 is not read.",
            str(path.relative_to(root)),
            hint="Convert it to YAML with `rasa data convert` of Rasa 2.",
        )


def _old(folder: Path) -> Iterable[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix not in OLD_FORMATS or not path.is_file() or files.is_hidden(path, folder):
            continue
        with path.open("rb") as file:
            start = file.read(JSON_READ_BYTES).decode("utf-8", "replace").lstrip("\ufeff")
        lines = start.splitlines()
        markdown = any(line.startswith(("## ", "* ")) for line in lines)
        if "rasa_nlu_data" in start or (path.suffix == ".md" and markdown):
            yield path


def note_settings(
    root: Path,
    endpoints: Source | None,
    credentials: Source | None,
    variables: Mapping[str, str],
    to: Findings,
) -> None:
    """Channels, stores, the action server, and what actions need."""
    imports.note(root, to)
    if credentials is not None:
        _note_channels(credentials, variables, to)
    if endpoints is None:
        return
    _check_variables(endpoints, variables, to)
    for key, instead in STORES.items():
        if endpoints.data.get(key) is not None:
            line = endpoints.line(endpoints.data, key)
            to.note(Parity.DIFFERS, f"{key}: not used; {instead}", endpoints.name, line)
    written = plain(endpoints.data).get("action_endpoint")
    if isinstance(written, dict) and written.get("url") and has_actions(root):
        to.note(
            Parity.SAME,
            f"actions are run by the server at {written['url']}.",
            endpoints.name,
            endpoints.line(endpoints.data, "action_endpoint"),
            "If it is on this machine and nobody listens there, or its bare name is not known, the "
            "project's actions run beside the bot; without action_endpoint they always do.",
        )


def _check_variables(endpoints: Source, variables: Mapping[str, str], to: Findings) -> None:
    """Rasa, too, does not start while a variable of endpoints.yml is not set."""
    for key in USED:
        filled = files.filled(plain(endpoints.data.get(key)), variables)
        for name in sorted(set(channels.MEANT.findall(repr(filled)))):
            to.wrong(
                f"{key}: the environment variable {name} is not set.",
                endpoints.name,
                endpoints.line(endpoints.data, key),
                "Set it where the server is started, or write the value.",
            )


def _note_channels(credentials: Source, variables: Mapping[str, str], to: Findings) -> None:
    written = files.filled(plain(credentials.data), variables)
    for section in channels.sections(written):
        line = credentials.line(credentials.data, section.name)
        where, about = (credentials.name, line), f"channel {section.name!r}"
        problem = f"{section.problem} {section.hint}" if section.problem else _refused(section)
        if problem:
            to.note(Parity.UNSUPPORTED, f"{about} is not opened: {problem}", *where)
            continue
        to.note(Parity.SAME, f"{about} is opened.", *where, ASIDE.get(section.name, ""))
        for key, why in section.notes:
            to.note(Parity.DIFFERS, f"{about}: {key!r} has no effect: {why}.", *where)


def _refused(section: Section) -> str:
    """Why the channel's own settings refuse what credentials.yml says; empty if they do not."""
    try:
        derived = channels.derived(section, b"", ("http://localhost",))
        catalogue.open_one(section.name, {**derived, **section.settings})
    except errors.ConfigError as cause:
        names = {ours: theirs for theirs, ours in channels.KEYS[section.name].items()}
        setting = str(cause).partition("] ")[2].partition(":")[0]
        return f"{cause} In credentials.yml it is {names.get(setting, setting)!r}."
    return ""


def has_actions(root: Path) -> bool:
    """Whether the project brings actions of its own."""
    return (root / "actions").is_dir() or (root / "actions.py").is_file()

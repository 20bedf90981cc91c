"""What else lies in a Rasa project's folder, and what becomes of it here; for the parity report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bot.project import sources as files
from bot.project.findings import Findings, Parity, nearest
from bot.project.sources import Source, plain

CHANNELS = {
    "botframework": "teams",
    "callback": "callback",
    "facebook": "messenger",
    "slack": "slack",
    "socketio": "socketio",
    "telegram": "telegram",
    "twilio": "twilio",
}
"""The name of a channel in credentials.yml → its kind in frontdesk.toml."""
ALWAYS_THERE = ("rest", "rasa")
"""`rasa` belongs to Rasa X, whose place `/conversations` takes."""
STORES = {
    "tracker_store": "conversations are kept in the database of `database.url`.",
    "event_broker": "events are sent as `[[subscribers]]` of frontdesk.toml say.",
    "lock_store": "messages of a conversation wait for each other without one.",
    "models": "models are trained from the project itself.",
}
"""Keys of endpoints.yml that something else stands for here."""
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
    root: Path, endpoints: Source | None, credentials: Source | None, to: Findings
) -> None:
    """Channels, stores and the action server."""
    if credentials is not None:
        _note_channels(credentials, to)
    if endpoints is None:
        return
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
            "Start it there (`python -m rasa_sdk --actions actions`), or remove action_endpoint: "
            "then the project's actions run beside the bot.",
        )


def _note_channels(credentials: Source, to: Findings) -> None:
    for name in credentials.data:
        if name in ALWAYS_THERE:
            continue
        kind = CHANNELS.get(str(name))
        line = credentials.line(credentials.data, name)
        if kind is None:
            what = f"channel {name!r}: there is none here."
            hint = "REST, callback and webhook serve any client; docs/channels has the others."
            to.note(Parity.UNSUPPORTED, what, credentials.name, line, hint)
        else:
            what = f"channel {name!r}: credentials.yml does not open it."
            hint = f"Write [channels.{kind}] into frontdesk.toml; see docs/channels."
            to.note(Parity.DIFFERS, what, credentials.name, line, hint)


def has_actions(root: Path) -> bool:
    """Whether the project brings actions of its own."""
    return (root / "actions").is_dir() or (root / "actions.py").is_file()

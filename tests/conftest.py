"""What many tests share: a clean environment, the real encoder and a really trained classifier.

Converting the encoder and training take a minute or two, so their results are kept in a cache
(`FRONTDESK_TEST_CACHE`, else `.cache/tests` in the repository) under a hash of what they come from.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from bot.config import Settings
from bot.knowledge import reader
from bot.knowledge.model import Knowledge
from retrieval.encoders.runtime import Encoder

ROOT = Path(__file__).parents[1]
KNOWLEDGE = ROOT / "knowledge"
CACHE = Path(os.environ.get("FRONTDESK_TEST_CACHE") or ROOT / ".cache" / "tests").absolute()
CHOICE = "multilingual-e5"
ENCODER_SOURCES = ("retrieval/encoders",)
UNUSED_S = 3600  # after which a folder of the cache made from older sources is deleted
TRAINING_SOURCES = (
    *("classifier", "bot/training/job.py", "knowledge/nlu"),
    *("retrieval/vectors.py", "retrieval/arrays.py"),  # how the vectors are kept
)


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests reaches them."""
    for name in [name for name in os.environ if name.startswith("FRONTDESK_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def encoders() -> Path:
    """A models folder with the packaged multilingual encoder, converted once."""
    from retrieval.encoders import catalogue

    models = CACHE / f"encoders-{_key(ENCODER_SOURCES)}"
    catalogue.prepare(CHOICE, models, _quiet)
    _forget_others_than(models)
    return models


@pytest.fixture(scope="session")
def encoder_folder(encoders: Path) -> Path:
    """The folder of the packaged multilingual encoder."""
    return encoders / "encoders" / CHOICE


@pytest.fixture(scope="session")
def encoder(encoder_folder: Path) -> Encoder:
    """The packaged multilingual encoder, loaded."""
    return Encoder(encoder_folder)


@pytest.fixture(scope="session")
def trained_data(encoders: Path) -> Path:
    """A data folder with a head trained for the starter knowledge; read it, never write to it."""
    from retrieval.encoders import manifest

    data = CACHE / f"data-{_key((*ENCODER_SOURCES, *TRAINING_SOURCES))}"
    with manifest.locked(data):
        if not data.exists():
            with manifest.build(data) as building:
                _train(building, encoders)
    _forget_others_than(data)
    return data


@pytest.fixture
def data(trained_data: Path, tmp_path: Path) -> Path:
    """A copy of `trained_data` that a test may write to (not to its encoder, which is shared)."""
    copy = tmp_path / "data"
    shutil.copytree(trained_data, copy, symlinks=True)
    return copy


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the starter knowledge that a test may edit."""
    copy = tmp_path / "knowledge"
    shutil.copytree(KNOWLEDGE, copy)
    return copy


@pytest.fixture
def settings(project: Path, data: Path) -> Settings:
    """Settings of a bot that is trained and ready, with folders of its own."""
    return Settings(project=project, data=data)


@pytest.fixture(scope="session")
def starter() -> Knowledge:
    """The starter knowledge."""
    return reader.read(KNOWLEDGE)


def _train(data: Path, encoders: Path) -> None:
    """Train the head, and embed the answers so that no test has to."""
    from bot.assembly import BrainMaker
    from bot.training import job
    from classifier.methods import Method

    (data / "models").mkdir()
    (data / "models" / "encoders").symlink_to(encoders / "encoders", target_is_directory=True)
    settings = Settings(project=KNOWLEDGE, data=data)
    job.run(settings, Method.HEAD, on_progress=_quiet)
    maker = BrainMaker(settings)
    maker.make(maker.read_knowledge())
    maker.close_book()


def _forget_others_than(used: Path) -> None:
    """Delete what older sources made, unless a test run used it a short while ago."""
    os.utime(used)
    for other in CACHE.glob(f"{used.name.partition('-')[0]}-*"):
        if other != used and time.time() - other.stat().st_mtime > UNUSED_S:
            shutil.rmtree(other, ignore_errors=True)


def _key(sources: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for path in sorted(_files(sources)):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def _files(sources: Iterable[str]) -> Iterator[Path]:
    for source in sources:
        path = ROOT / source
        found = [path] if path.is_file() else path.rglob("*")
        yield from (p for p in found if p.suffix in (".py", ".yml"))


def _quiet(_step: str, _share: float) -> None:
    """Nobody watches."""

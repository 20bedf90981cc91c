"""Real server processes for the scenarios."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import KNOWLEDGE
from tests.scenario.server import Server

Start = Callable[..., Server]
NO_FINETUNING = {"FRONTDESK_MODELS__FINETUNE": "false"}


@pytest.fixture(scope="session")
def server(trained_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server with the starter knowledge for all tests that only talk to it."""
    data = tmp_path_factory.mktemp("server") / "data"
    shutil.copytree(trained_data, data, symlinks=True)
    running = Server(project=KNOWLEDGE, data=data, environment=NO_FINETUNING)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def start(project: Path, data: Path) -> Iterator[Start]:
    """Starts servers with a project and data of the test's own; ends them all afterwards."""
    started: list[Server] = []

    def start(*, wait: bool = True, **environment: str) -> Server:
        running = Server(project=project, data=data, environment=NO_FINETUNING | environment)
        started.append(running)
        running.start() if wait else running.launch()
        return running

    yield start
    for running in started:
        running.kill()

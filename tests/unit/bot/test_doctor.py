"""What the doctor finds, in good installations and in broken ones."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import config, doctor
from bot.config import Settings
from bot.doctor import Finding, Level, database, folders, installation, listening
from bot.doctor.folders import Subject

ROOT = Path(__file__).parents[3]


def of(check: str, findings: list[Finding]) -> Finding:
    return next(finding for finding in findings if finding.check == check)


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_trained_installation_is_well(project: Path, data: Path, free_port: int) -> None:
    findings = doctor.examine({"project": project, "data": data, "server": {"port": free_port}})
    failed = [str(finding) for finding in findings if finding.level is Level.FAIL]
    assert failed == []
    assert doctor.exit_code(findings) == 0
    assert "of these examples" in of("model", findings).message
    assert of("encoder", findings).message == "multilingual-e5 is prepared"


def test_a_fresh_installation_only_lacks_a_model(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "new"
    findings = doctor.examine({"project": project, "data": data, "server": {"port": 0}})
    assert [f.check for f in findings if f.level is not Level.OK] == ["model"]
    assert "frontdesk train" in of("model", findings).remedy
    assert not data.exists(), "the doctor leaves things as they are"


def test_broken_knowledge_is_named_with_file_and_line(project: Path, tmp_path: Path) -> None:
    rules = project / "rules.yml"
    rules.write_text(rules.read_text(encoding="utf-8").replace("intent: greet", "intent: gret"))
    findings = doctor.examine({"project": project, "data": tmp_path, "server": {"port": 0}})
    found = of("knowledge", findings)
    assert found.level is Level.FAIL
    assert found.message.startswith("rules.yml:")
    assert found.remedy == "Did you mean 'greet'?"
    assert doctor.exit_code(findings) == 1


def test_a_wrong_setting_is_a_finding() -> None:
    found = of("settings", doctor.examine({"server": {"port": -1}}))
    assert found.level is Level.FAIL
    assert "server.port = -1" in found.message


def test_packages_missing_or_of_another_version_are_named() -> None:
    wanted = ["no-such-package>=2", "typer>=99", "rich", "winonly>=1; sys_platform == 'win32'"]
    found = installation.packages(wanted)
    assert [finding.message.partition(" ")[0] for finding in found] == ["no-such-package", "typer"]
    assert "pip install 'no-such-package>=2'" in found[0].remedy
    assert all(finding.level is Level.FAIL for finding in found)


def test_changed_examples_ask_for_training(settings: Settings) -> None:
    nlu = settings.project / "nlu"
    path = sorted(nlu.glob("*.yml"))[0]
    lines = path.read_text(encoding="utf-8").splitlines()
    last = max(n for n, line in enumerate(lines) if line.lstrip().startswith("- "))
    lines.insert(last, f"{lines[last]} indeed it is so")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    (found,) = folders.model(Subject(settings))
    assert found.level is Level.WARN
    assert "examples have changed" in found.message


def test_a_damaged_model_fails(settings: Settings) -> None:
    (weights,) = (settings.data / "models" / "classifier").glob("*/head.safetensors")
    weights.write_bytes(b"no weights")
    found = of(
        "model",
        doctor.examine({"project": settings.project, "data": settings.data, "server": {"port": 0}}),
    )
    assert found.level is Level.FAIL
    assert "changed since training" in found.message
    assert "frontdesk train" in found.remedy


def test_a_data_folder_that_is_a_file_fails(tmp_path: Path) -> None:
    taken = tmp_path / "var"
    taken.write_text("not a folder")
    (found,) = folders.data_folder(Subject(config.load(data=taken)))
    assert found.level is Level.FAIL
    assert "--data" in found.remedy


def test_little_space_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = Subject(config.load(data=tmp_path))
    for free, level in ((10**8, Level.FAIL), (10**9, Level.WARN)):
        usage = shutil._ntuple_diskusage(10**10, 0, free)
        monkeypatch.setattr("shutil.disk_usage", lambda _path, usage=usage: usage)
        (found,) = folders.data_folder(subject)
        assert found.level is level
        assert "Free some space" in found.remedy


def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    (tmp_path / "frontdesk.db").write_bytes(b"this is not a database, it is a text" * 100)
    found = of("database", doctor.examine({"data": tmp_path, "server": {"port": 0}}))
    assert found.level is Level.FAIL
    assert found.remedy


def test_a_foreign_database_fails(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "frontdesk.db") as foreign:
        foreign.execute("CREATE TABLE birds (name TEXT)")
    foreign.close()
    found = of("database", doctor.examine({"data": tmp_path, "server": {"port": 0}}))
    assert "not made by Frontdesk" in found.message


def test_another_kind_of_database_is_refused(tmp_path: Path) -> None:
    settings = config.load(data=tmp_path, database="mysql://me:secret@host/db")
    (found,) = database.check(Subject(settings))
    assert found.level is Level.FAIL
    assert "secret" not in str(found)


class _Answers(http.server.BaseHTTPRequestHandler):
    status = 200
    body: object = None

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(self.body).encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Be quiet."""


@pytest.fixture
def server() -> Iterator[tuple[type[_Answers], Subject]]:
    class Answers(_Answers):
        """One for each test: it is changed by it."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening_:
        thread = threading.Thread(target=listening_.serve_forever, args=(0.05,))
        thread.start()
        settings = config.load(server={"port": listening_.server_port})
        yield Answers, Subject(settings)
        listening_.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("status", "body", "level", "words"),
    [
        (200, {"status": "ready"}, Level.OK, "is ready"),
        (200, {"status": "ready", "knowledge_error": "rules.yml:3: no"}, Level.WARN, "rules.yml:3"),
        (503, {"status": "getting ready", "step": "embedding"}, Level.WARN, "embedding"),
        (503, {"status": "database down", "database_error": "full"}, Level.FAIL, "full"),
        (200, {"hello": "world"}, Level.FAIL, "another program"),
        (404, "not found", Level.FAIL, "another program"),
    ],
)
def test_who_holds_the_port(
    server: tuple[type[_Answers], Subject], status: int, body: object, level: Level, words: str
) -> None:
    answers, subject = server
    answers.status, answers.body = status, body
    (found,) = listening.check(subject)
    assert found.level is level
    assert words in found.message


def test_works_without_any_package() -> None:
    found = subprocess.run(
        [sys.executable, "-S", "-m", "bot", "doctor"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert found.returncode == 1
    assert "torch is not installed. Run `pip install" in found.stdout
    assert "Traceback" not in found.stderr

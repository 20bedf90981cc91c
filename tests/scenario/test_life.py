"""The life of a server: edits, broken files, kill -9, takeover of a new model, clean ends."""

from __future__ import annotations

import csv
import dataclasses
import itertools
import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from openapi_spec_validator import validate

from bot.training.registry import Registry
from classifier import artifact
from retrieval.encoders import tuned
from tests.scenario.conftest import Start
from tests.scenario.server import Server

LIVE_WITHIN_S = 10.0  # a bound against hanging; how fast it is, `frontdesk bench` measures


def wait_for(condition: Callable[[], bool], within_s: float = LIVE_WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def edit_answer(path: Path, answer_id: str, lang: str, text: str) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if (row["id"], row["lang"]) == (answer_id, lang):
            row["answer"] = text
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_an_edited_answer_is_live_without_restart_or_training(start: Start, project: Path) -> None:
    server = start()
    classifier = server.get("/readyz").json()["versions"]["classifier"]
    edit_answer(project / "answers/delivery.csv", "track_how", "en", "Ask the new tracking page.")
    wait_for(lambda: server.say("where is my parcel?")[0]["text"] == "Ask the new tracking page.")
    assert server.get("/readyz").json()["versions"]["classifier"] == classifier


def test_an_import_by_another_process_is_live_without_restart(
    start: Start, tmp_path: Path, data: Path
) -> None:
    server = start()
    row = {"questions": ["Do you rent out kayaks?", "kayak rental"], "answer": "By the hour."}
    path = tmp_path / "more.jsonl"
    path.write_text(json.dumps(row), encoding="utf-8")
    command = [sys.executable, "-m", "bot", "retrieval", "import", str(path), "--data", str(data)]
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own code
    wait_for(lambda: "By the hour." in str(server.say("do you rent out kayaks?")))


def test_a_promoted_encoder_is_taken_over_without_a_pause_or_restart(
    start: Start, project: Path, data: Path, encoder_folder: Path
) -> None:
    for path in (project / "answers").iterdir():  # few answers are embedded anew in seconds
        if path.name != "delivery.csv":
            path.unlink()
    name = f"{encoder_folder.name}{tuned.MARK}20260101T000000"
    encoders = data / "models" / "encoders"
    encoders.unlink()  # it was a link to the folder that all tests share
    for folder in (encoders / encoder_folder.name, encoders / name):
        folder.mkdir(parents=True)
        for path in encoder_folder.iterdir():
            (folder / path.name).symlink_to(path)
    server = start()
    visitors = map("visitor-{}".format, itertools.count())  # one alone would be too many requests

    def said_by(encoder: str) -> str:
        """What is said by the bot on that encoder; empty while another one serves."""
        said: str = server.say("where is my parcel?", next(visitors))[0]["text"]
        return said if server.get("/readyz").json()["versions"]["encoder"] == encoder else ""

    before = said_by(encoder_folder.name)
    assert before
    registry = Registry(data)
    used = registry.current()
    assert used is not None
    with artifact.new_folder(registry.new_name("head")) as folder:
        shutil.copytree(used.folder, folder, dirs_exist_ok=True)
        (folder / artifact.MANIFEST).unlink()
        artifact.seal(folder, dataclasses.replace(used.manifest, encoder=name, files={}))
    within_s = 120.0  # embedding on a busy machine
    tuned.promote(encoders / encoder_folder.name, encoders / name)
    wait_for(lambda: said_by(name) == before, within_s=within_s)
    tuned.promote(encoders / encoder_folder.name, None)
    wait_for(lambda: said_by(encoder_folder.name) == before, within_s=within_s)


def test_a_broken_file_is_reported_and_the_last_good_version_serves(
    start: Start, project: Path
) -> None:
    server = start()
    answers = project / "answers/delivery.csv"
    good = answers.read_bytes()
    before = server.say("where is my parcel?")
    answers.write_bytes(good + b'new_id,xx,track_parcel,"q","a",,,,true\n')
    wait_for(lambda: server.get("/readyz").json()["knowledge_error"] is not None)
    error = server.get("/readyz").json()["knowledge_error"]
    assert "answers/delivery.csv:62" in error
    assert "'xx'" in error
    assert server.say("where is my parcel?") == before
    assert "knowledge_broken" in server.log
    assert b"frontdesk_knowledge_broken 1.0" in server.get("/metrics").body
    answers.write_bytes(good)
    wait_for(lambda: server.get("/readyz").json()["knowledge_error"] is None)


def test_broken_knowledge_refuses_to_start(start: Start, project: Path) -> None:
    (project / "rules.yml").write_text("rules:\n- rule: x\n  steps:\n  - intent: no_such\n")
    server = start(wait=False)
    assert server.process is not None
    assert server.process.wait(timeout=30) == 2
    assert "rules.yml:2" in server.log
    assert "no_such" in server.log
    assert "Traceback" not in server.log


def test_kill_9_loses_no_acknowledged_message(start: Start) -> None:
    server = start()
    headers = {"Authorization": f"Bearer {server.post('/v1/sessions', {}).json()['token']}"}
    acknowledged: list[int] = []

    def talk() -> None:
        for number in range(10_000):
            body = {"id": f"message-{number}", "text": f"where is parcel number {number}?"}
            try:
                answer = server.post("/v1/messages", body, **headers)
            except OSError:
                return
            if answer.status == 200:
                acknowledged.append(number)

    talker = threading.Thread(target=talk)
    talker.start()
    wait_for(lambda: len(acknowledged) >= 20)
    server.kill()
    talker.join()
    server.start()
    for number in [*acknowledged, len(acknowledged)]:  # the last one may have been lost: resent
        body = {"id": f"message-{number}", "text": f"where is parcel number {number}?"}
        answer = server.post("/v1/messages", body, **headers)
        mine, *replies = answer.json()["messages"]
        assert mine["text"] == f"where is parcel number {number}?"
        assert replies


def test_sigterm_ends_with_status_0_and_open_streams_do_not_hold_it_up(start: Start) -> None:
    server = start()
    token = server.post("/v1/sessions", {}).json()["token"]
    with socket.create_connection(("127.0.0.1", server.port)) as visitor:
        request = f"GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        visitor.sendall(request.encode())
        assert visitor.recv(100).startswith(b"HTTP/1.1 200")
        assert server.stop() == 0


def test_a_taken_port_is_one_line_that_says_what_to_do(start: Start, server: Server) -> None:
    other = start(wait=False, FRONTDESK_SERVER__PORT=str(server.port))
    assert other.process is not None
    other.kill()
    command = [sys.executable, "-m", "bot", "serve", "--project", str(other.project)]
    command += ["--data", str(other.data), "--port", str(server.port)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert ended.returncode == 2
    assert f"Port {server.port}" in ended.stderr
    assert "--port" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_one_data_folder_serves_one_process(server: Server) -> None:
    command = [sys.executable, "-m", "bot", "serve", "--project", str(server.project)]
    command += ["--data", str(server.data), "--port", "0"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert ended.returncode == 2
    assert "Another Frontdesk" in ended.stderr


def test_the_description_is_valid_openapi_and_names_every_route(server: Server) -> None:
    document = server.get("/openapi.json").json()
    validate(document)
    for path in ("/webhooks/rest/webhook", "/model/parse", "/v1/messages", "/v1/events"):
        assert path in document["paths"]


def test_metrics_count_turns(server: Server) -> None:
    server.say("where is my parcel?")
    page = server.get("/metrics").body.decode()
    assert 'frontdesk_turns_total{channel="rest",language="en",outcome="answer"}' in page
    assert "where is my parcel" not in page


def test_health_and_static_files(server: Server) -> None:
    assert server.get("/healthz").json() == {"status": "ok"}
    page = server.get("/")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert server.get("/widget.js").headers["Content-Type"].startswith("text/javascript")
    for name in ("..%2fconfig.py", "%2e%2e%2fapp.py", "nothing.js", "widget.js%00", ".."):
        assert server.get(f"/assets/{name}").status == 404

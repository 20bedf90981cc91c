"""A real server process for the tests: started, asked, killed and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

READY_WITHIN_S = 240.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - JSON may be anything
        """The body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True, kw_only=True)
class Server:
    """`frontdesk serve` on a free port, with its own data folder."""

    project: Path
    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.data / "test.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it and wait until it answers messages."""
        self.launch()
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.process is not None and self.process.poll() is not None:
                break
            if self.is_ready():
                return
            time.sleep(0.1)
        raise AssertionError(f"the server did not get ready:\n{self.log}")

    def launch(self) -> None:
        """Start it without waiting."""
        self.port = self.port or free_port()
        command = [sys.executable, "-m", "bot", "serve", "--project", str(self.project)]
        command += ["--data", str(self.data), "--port", str(self.port)]
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("FRONTDESK_")}
        with (self.data / "test.log").open("ab") as log:
            self.process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdout=log, stderr=log, env=inherited | self.environment
            )

    def is_ready(self) -> bool:
        """Whether `/readyz` says yes."""
        try:
            return self.get("/readyz").status == 200
        except OSError:
            return False

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing is said."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; gives the exit status."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """kill -9 and start again on the same port and data."""
        self.kill()
        self.start()

    def get(self, path: str, **headers: str) -> Answer:
        """GET `path`."""
        return self.send("GET", path, None, headers)

    def post(self, path: str, body: object, **headers: str) -> Answer:
        """POST `body` as JSON, or as it is when it is bytes."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send("POST", path, raw, {"Content-Type": "application/json"} | headers)

    def send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Answer:
        """Any request; an error status is an answer too."""
        request = urllib.request.Request(  # noqa: S310 - our own server
            self.url + path, data=body, headers=headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
                return Answer(
                    status=response.status, headers=dict(response.headers), body=response.read()
                )
        except urllib.error.HTTPError as error:
            with error:
                return Answer(status=error.code, headers=dict(error.headers), body=error.read())

    def say(self, message: str, sender: str = "tester") -> list[dict[str, Any]]:
        """What the bot answers to `message` over REST."""
        answer = self.post("/webhooks/rest/webhook", {"sender": sender, "message": message})
        assert answer.status == 200, answer.body
        replies: list[dict[str, Any]] = answer.json()
        return replies

    def _end(self, number: signal.Signals) -> int:
        if self.process is None:
            return 0
        self.process.send_signal(number)
        status = self.process.wait(timeout=30)
        self.process = None
        return status


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""The echoing server as a child process that is started, asked, killed and started again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

READY_WITHIN_S = 60.0


@dataclass(slots=True, kw_only=True)
class Echo:
    """A server in a folder of its own; `frontdesk.toml` lies there, and so do data and log."""

    folder: Path
    settings: str = ""
    takes_s: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict)
    before: Sequence[str] = ()
    """Words before the command, such as those of strace."""
    holds: bool = False
    """Whether the listening socket stays open while the server is replaced, as systemd does it."""
    port: int = 0
    process: asyncio.subprocess.Process | None = None
    _socket: socket.socket | None = None
    ready_within_s: float = READY_WITHIN_S

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def data(self) -> Path:
        """Its data folder."""
        return self.folder / "data"

    @property
    def log(self) -> str:
        """What it has logged so far."""
        return (self.folder / "log.jsonl").read_text(encoding="utf-8")

    @property
    def runs(self) -> bool:
        """Whether the process lives."""
        return self.process is not None and self.process.returncode is None

    async def start(self, *more: str) -> None:
        """Start it, with further options, and wait until it is ready or dead."""
        self._listen()
        self.folder.mkdir(parents=True, exist_ok=True)
        toml = self.folder / "frontdesk.toml"
        toml.write_text(f'log_format = "json"\n{self.settings}', encoding="utf-8")
        command = [*self.command(), *more]
        root = str(Path(__file__).parents[2])
        with (self.folder / "log.jsonl").open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *self.before,
                *(_handing_over(self._socket) if self._socket else ()),
                *command,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={"PYTHONPATH": root, "PATH": "/usr/bin:/bin", **self.environment},
                pass_fds=(self._socket.fileno(),) if self._socket else (),
                start_new_session=True,  # a group of its own, to be ended with what came `before`
            )
        await self._until_ready()

    def _listen(self) -> None:
        """Choose a port, and open it if the socket is to be handed over."""
        self.port = self.port or free_port()
        if self.holds and self._socket is None:
            self._socket = socket.create_server(("127.0.0.1", self.port), backlog=4096)

    def command(self) -> list[str]:
        """What is run."""
        command = [sys.executable, "-m", "bot.stress.echo", str(self.port), str(self.data)]
        return [*command, "--takes-s", str(self.takes_s)]

    def release(self) -> None:
        """Close the socket that was held for it, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    async def _until_ready(self) -> None:
        async with aiohttp.ClientSession() as http:
            for _ in range(int(self.ready_within_s / 0.05)):
                if not self.runs:
                    return
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    async with http.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise TimeoutError(f"the server did not get ready: {self.log[-2000:]}")

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """Send it a signal and wait; gives the exit status."""
        if self.process is None:
            return 0
        if self.runs:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
        return await self.process.wait()


def _handing_over(listening: socket.socket) -> Sequence[str]:
    """Words before a command that hand it a socket as systemd does: descriptor 3, and its pid."""
    code = (
        "import os, sys; os.dup2(int(sys.argv[1]), 3); "
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1'); "
        "os.execv(sys.argv[2], sys.argv[2:])"
    )
    return sys.executable, "-c", code, str(listening.fileno())


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(slots=True, kw_only=True)
class Bot(Echo):
    """`frontdesk serve` with a project of its own."""

    project: Path
    ready_within_s: float = 300.0  # it makes its models first

    def command(self) -> list[str]:
        """What is run."""
        place = ["--project", str(self.project), "--data", str(self.data), "--port", str(self.port)]
        return [sys.executable, "-m", "bot", "serve", *place]

"""A PostgreSQL of the tests' own: a cluster in a temporary folder, with a database for each test.

`make test` installs the server (tests/need_postgres.sh). It refuses to run as root, so root lets
an unprivileged user run it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.stress.process import free_port

PLACES = "/usr/lib/postgresql/*/bin"
NOBODY = "nobody"


def binaries() -> Path:
    """The folder of initdb and pg_ctl, the newest if there are several."""
    onto = shutil.which("pg_ctl")
    found = sorted(Path("/").glob(PLACES.lstrip("/"))) or ([Path(onto).parent] if onto else [])
    assert found, "PostgreSQL is not installed: sh tests/need_postgres.sh"
    return found[-1]


@dataclass(frozen=True, slots=True)
class Cluster:
    """A server that can be stopped and started."""

    folder: Path
    port: int

    @property
    def address(self) -> str:
        """Of its maintenance database."""
        return f"postgresql://frontdesk@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1"
        options += f" -c unix_socket_directories={self.folder}"
        _run(binaries() / "pg_ctl", *self._data, "-w", "-l", self.folder / "log", "-o", options,
             "start")  # fmt: skip

    def stop(self) -> None:
        """Stop it as a crash would: connections are cut."""
        _run(binaries() / "pg_ctl", *self._data, "-m", "immediate", "-w", "stop")

    @property
    def _data(self) -> tuple[object, ...]:
        return "-D", self.folder / "data"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A running server."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-postgres-") as name:
        folder = Path(name)
        if os.getuid() == 0:
            shutil.chown(folder, NOBODY)
        made = Cluster(folder, free_port())
        words = ("-U", "frontdesk", "-A", "trust", "-E", "UTF8", "--no-sync")
        _run(binaries() / "initdb", "-D", folder / "data", *words)
        made.start()
        try:
            yield made
        finally:
            made.stop()


def new_database(address: str) -> str:
    """The address of an empty database in the cluster."""
    import psycopg

    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address.rpartition("/")[0] + f"/{name}"


def _run(*command: object) -> None:
    words = [str(word) for word in command]
    if os.getuid() == 0:
        words = ["setpriv", f"--reuid={NOBODY}", "--regid=nogroup", "--clear-groups", *words]
    done = subprocess.run(  # noqa: S603 - our own words
        words, capture_output=True, text=True, check=False, cwd="/", stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stdout + done.stderr

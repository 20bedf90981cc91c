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


@contextmanager
def cluster() -> Iterator[str]:
    """A running server; gives the address of its maintenance database."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-postgres-") as folder:
        yield from _running(Path(folder))


def _running(folder: Path) -> Iterator[str]:
    place, data, port = binaries(), folder / "data", free_port()
    if os.getuid() == 0:
        shutil.chown(folder, NOBODY)
    _run(place / "initdb", "-D", data, "-U", "frontdesk", "-A", "trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    _run(place / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
    try:
        yield f"postgresql://frontdesk@127.0.0.1:{port}/postgres"
    finally:
        _run(place / "pg_ctl", "-D", data, "-m", "immediate", "stop")


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

"""The port: free, held by a Frontdesk that is asked how it is, or taken by something else."""

from __future__ import annotations

import errno
import json
import socket
import urllib.error
import urllib.request
from typing import Any

from bot.doctor.finding import Finding, bad, good, poor
from bot.doctor.folders import Subject

TIMEOUT_S = 3.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - asked, not bound
KNOWN_STATUS = ("ready", "getting ready", "database down")  # of /readyz
CHECK = "port"


def check(subject: Subject) -> list[Finding]:
    """Whether the port is free, or a Frontdesk that is well has it."""
    host, port = subject.settings.server.host, subject.settings.server.port
    where = f"{host}:{port}"
    try:
        _listen(host, port)
    except OSError as cause:
        if cause.errno == errno.EADDRINUSE:
            return [_server(where, ANYWHERE.get(host, host), port)]
        said = f"{where} cannot be listened on: {cause.strerror}."
        remedy = "Name an address of this machine with --host, and a --port from 1024 on."
        return [bad(CHECK, said, remedy)]
    return [good(CHECK, f"{where} is free")]


def _listen(host: str, port: int) -> None:
    family, kind, protocol, _, address = socket.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
        listener.bind(address)
        listener.listen(1)


def _server(where: str, host: str, port: int) -> Finding:
    """What the server that holds the port says of itself."""
    said = _readyz(host, port)
    if said is None:
        remedy = f"Stop that program, or choose another port: --port {port + 1}."
        return bad(CHECK, f"{where} is taken by another program.", remedy)
    trouble = said.get("knowledge_error") or said.get("training_error")
    if said["status"] == "ready" and not trouble:
        return good(CHECK, f"a Frontdesk runs at {where} and is ready")
    if said["status"] == "ready":
        remedy = "Mend that; until then it goes on with the last good version."
        return poor(CHECK, f"the Frontdesk at {where} is ready, but says: {trouble}", remedy)
    if said["status"] == "getting ready":
        said_step = f"the Frontdesk at {where} is getting ready: {said.get('step', '')}."
        return poor(CHECK, said_step, "Wait a minute and look again.")
    trouble = said.get("database_error", said["status"])
    return bad(CHECK, f"the Frontdesk at {where} cannot answer: {trouble}", "See its log.")


def _readyz(host: str, port: int) -> dict[str, Any] | None:
    """The body of /readyz; None if what listens there is no Frontdesk."""
    name = f"[{host}]" if ":" in host else host
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is near: no proxy
    try:
        try:
            answer = opener.open(f"http://{name}:{port}/readyz", timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:  # 503 has a body, too
            answer = error
        with answer:
            body = json.loads(answer.read(100_000))
    except (OSError, ValueError):  # refused, silent, or no JSON
        return None
    return body if isinstance(body, dict) and body.get("status") in KNOWN_STATUS else None

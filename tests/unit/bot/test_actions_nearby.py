"""An action server of endpoints.yml on this machine: used while it listens, else ours."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from bot.actions import nearby
from bot.actions.beside import ActionProcess
from bot.actions.client import Endpoint
from bot.actions.nearby import Nearby

CODE = """
from rasa_sdk import Action


class Quick(Action):
    def name(self):
        return "action_quick"

    def run(self, dispatcher, tracker, domain):
        return []
"""


@pytest.mark.parametrize(
    ("url", "here", "near"),
    [
        ("http://localhost:5055/webhook", True, True),
        ("http://127.0.0.1:5055/webhook", True, True),
        ("http://[::1]:5055/webhook", True, True),
        ("http://action-server:5055/webhook", False, True),
        ("http://10.0.0.7:5055/webhook", False, False),
        ("http://[fe80::1]:5055/webhook", False, False),
        ("https://actions.example.com/webhook", False, False),
    ],
)
def test_whether_a_server_is_expected_on_this_machine(url: str, here: bool, near: bool) -> None:
    assert nearby.is_here(Endpoint(url=url)) is here
    assert nearby.is_near(Endpoint(url=url)) is near


async def test_a_service_whose_name_is_not_known_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "actions.py").write_text(CODE, encoding="utf-8")
    beside = ActionProcess(tmp_path)
    where = Nearby(Endpoint(url="http://no-such-service:5055/webhook"), beside)
    called: list[str] = []

    async def post(endpoint: Endpoint) -> tuple[int, bytes]:
        called.append(endpoint.url)
        return 200, b""

    try:
        await where.call("action_quick", post)
    finally:
        await beside.close()
    assert called[0].startswith("http://127.0.0.1:")


async def test_the_server_of_the_project_is_used_while_it_listens(tmp_path: Path) -> None:
    (tmp_path / "actions.py").write_text(CODE, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    named = Endpoint(url=f"http://127.0.0.1:{port}/webhook")
    beside = ActionProcess(tmp_path)
    where = Nearby(named, beside)
    called: list[Endpoint] = []

    async def post(endpoint: Endpoint) -> tuple[int, bytes]:
        called.append(endpoint)
        return 200, b""

    try:
        await where.call("action_quick", post)
        assert called[-1].knows_digest
        assert called[-1].url != named.url
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
        async with server:
            await where.call("action_quick", post)
        assert called[-1] is named
    finally:
        await where.close()
        await beside.close()

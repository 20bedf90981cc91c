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
    ("url", "here"),
    [
        ("http://localhost:5055/webhook", True),
        ("http://127.0.0.1:5055/webhook", True),
        ("http://[::1]:5055/webhook", True),
        ("http://action-server:5055/webhook", False),
        ("https://actions.example.com/webhook", False),
    ],
)
def test_whether_a_server_is_expected_on_this_machine(url: str, here: bool) -> None:
    assert nearby.is_here(Endpoint(url=url)) is here


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
        await where.call(post)
        assert called[-1].knows_digest
        assert called[-1].url != named.url
        server = await asyncio.start_server(lambda _r, w: w.close(), "127.0.0.1", port)
        async with server:
            await where.call(post)
        assert called[-1] is named
    finally:
        await where.close()
        await beside.close()

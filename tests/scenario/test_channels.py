"""Conversations in both languages through clients that nobody here wrote."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.scenario import clients
from tests.scenario.browser import PATIENCE_MS, launched
from tests.scenario.conftest import Start
from tests.scenario.server import free_port

ENGLISH, CHINESE = "Where is my parcel?", "我的包裹在哪里？"
SESSION_KEY = "k" * 32
BOT_TOKEN, SECRET = "123456:test-token", "a-secret-of-16-or-more"
# The one script of rasa-webchat that a page needs; it asks for fonts of Google's, in vain.
WEBCHAT = clients.FOLDER / "node_modules" / "rasa-webchat" / "lib"
PAGE = """<!doctype html><meta charset="utf-8"><title>Shop</title><div id="chat"></div>
<script src="/index.js"></script>
<script>window.WebChat.default({{socketUrl: "{url}", socketPath: "/socket.io/",
  customData: {{language: "zh"}}, embedded: true, params: {{storage: "session"}}}}, null);
</script>"""


@pytest.fixture(scope="module", autouse=True)
def _clients() -> None:
    clients.install()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """The folder and the origin of a shop's page, with rasa-webchat's script beside it.

    The page itself is served too: a browser lets none that it cannot place call this machine.
    """
    folder = tmp_path / "shop"
    folder.mkdir()
    shutil.copy(WEBCHAT / "index.js", folder)
    files = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def browser() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def channels(**sections: object) -> dict[str, str]:
    return {"FRONTDESK_CHANNELS": json.dumps(sections)}


def texts(messages: list[dict[str, Any]]) -> list[str]:
    return [message["text"] for message in messages if message.get("text")]


@pytest.mark.timeout(300)
def test_socketio_clients_of_two_generations(start: Start) -> None:
    section = {"session_key": SESSION_KEY, "allowed_origins": ["https://shop.example"]}
    server = start(**channels(socketio=section))
    expected = [texts(server.say(words)) for words in (ENGLISH, CHINESE)]
    for version in ("3", "4"):
        asked = json.dumps({"session": None, "messages": [ENGLISH, CHINESE]})
        said = clients.run("socketio.js", version, server.url, asked)
        assert [texts(reply) for reply in said["replies"]] == expected
        asked = json.dumps({"session": said["session"], "messages": []})
        assert clients.run("socketio.js", version, server.url, asked)["session"] == said["session"]


@pytest.mark.timeout(300)
def test_telegram_test_api(start: Start) -> None:
    port = free_port()
    section = {
        "bot_token": BOT_TOKEN,
        "secret": SECRET,
        "api_url": f"http://127.0.0.1:{port}",
    }
    server = start(**channels(telegram=section))
    expected = [texts(server.say(words)) for words in (ENGLISH, CHINESE)]
    said = clients.run(
        "telegram.js",
        str(port),
        BOT_TOKEN,
        SECRET,
        f"{server.url}/webhooks/telegram/webhook",
        json.dumps([ENGLISH, CHINESE]),
    )
    assert [texts(reply) for reply in said["replies"]] == expected


@pytest.mark.timeout(300)
def test_rasa_webchat_in_a_browser(start: Start, shop: tuple[Path, str], browser: Browser) -> None:
    folder, origin = shop
    section = {"session_key": SESSION_KEY, "allowed_origins": [origin]}
    server = start(**channels(socketio=section))
    (folder / "shop.html").write_text(PAGE.format(url=server.url), encoding="utf-8")
    page = browser.new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.route("**/*googleapis*/**", lambda route: route.abort())
    page.goto(f"{origin}/shop.html")
    said: list[str] = []
    for words in (ENGLISH, CHINESE):
        expected = texts(server.say(words))
        page.locator(".rw-new-message").fill(words)
        page.locator(".rw-send").click()
        # While the bot "types" there is an answer without words.
        page.locator(".rw-response", has_text=expected[-1]).wait_for()
        said += expected
        shown = page.locator(".rw-response").all_inner_texts()
        assert [text.strip() for text in shown if text.strip()] == said


class _Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files and writes no log."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its own name
        """Nothing."""

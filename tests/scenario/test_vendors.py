"""One server, all channels: what a vendor signs is answered once, what is forged not at all."""

from __future__ import annotations

import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract import samples
from tests.contract.samples import WEBHOOK_SECRET, Sample
from tests.scenario.conftest import Start
from tests.scenario.server import Server

PATIENCE_S = 30.0
# Those that answer by one plain call; the others fetch tokens first and have tests of their own.
KINDS = ["slack", "telegram", "messenger", "whatsapp", "line", "twilio", "webhook", "callback"]
SAMPLES = [sample for sample in samples.SAMPLES if sample.kind in KINDS]
ANSWERS = {"slack": {"ok": True}, "telegram": {"ok": True, "result": {}}}


class Vendors:
    """All vendors behind one port; each is told apart by the first part of its path."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []
        """Whom it was sent to, and the body with escapes undone."""
        ledger = self.heard

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                vendor = self.path.split("/")[1]
                if self.headers["Content-Type"].startswith("application/x-www-form"):
                    body = urllib.parse.unquote_plus(body)
                ledger.append((vendor, body))
                answer = json.dumps(ANSWERS.get(vendor, {})).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for(self, vendor: str, words: str, count: int = 1) -> int:
        """How often `vendor` was sent `words`, as soon as that is `count` times."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and self.count(vendor, words) < count:
            time.sleep(0.05)
        return self.count(vendor, words)

    def count(self, vendor: str, words: str) -> int:
        return sum(vendor == who and words in body for who, body in self.heard)


@pytest.fixture
def vendors() -> Iterator[Vendors]:
    made = Vendors()
    yield made
    made.server.shutdown()
    made.server.server_close()


def section(sample: Sample, vendors: Vendors) -> dict[str, Any]:
    """The settings of a sample, with its vendor at the fake's address."""
    address = f"{vendors.url}/{sample.kind}"
    where = {"url": address} if "url" in sample.settings else {"api_url": address}
    return {**sample.settings, **where, "kind": sample.kind}


def name_of(sample: Sample) -> str:
    # Twilio signs the URL, and the sample's is that of a channel of this name.
    return "sample" if sample.kind == "twilio" else sample.kind


def post(server: Server, sample: Sample, *, forged: bool = False) -> tuple[int, bytes]:
    signed = sample.sign(sample.body, time.time())
    headers = {"Content-Type": "application/json", **signed.headers}
    if forged:
        headers[sample.signature] = "v1,forged" if sample.kind == "webhook" else "forged"
    path = f"/webhooks/{name_of(sample)}/webhook"
    answer = server.send("POST", path, sample.body, headers)
    return answer.status, answer.body


@pytest.mark.timeout(300)
def test_every_vendor_is_answered_once(start: Start, vendors: Vendors) -> None:
    sections = {name_of(sample): section(sample, vendors) for sample in SAMPLES}
    server = start(
        FRONTDESK_CHANNELS=json.dumps(sections),
        FRONTDESK_SERVER__PUBLIC_URL="https://bot.example",
    )
    (expected,) = (message["text"] for message in server.say("Where is my parcel?"))
    for sample in SAMPLES:
        status, body = post(server, sample, forged=True)
        assert (sample.kind, status, body) == (sample.kind, 401, b"unauthorized")
    for sample in SAMPLES:
        assert post(server, sample)[0] in (200, 202), sample.kind
    for sample in SAMPLES:
        assert vendors.wait_for(sample.kind, expected) == 1, sample.kind
    again = [sample for sample in SAMPLES if sample.kind != "callback"]  # it came without an id
    for sample in again:
        assert post(server, sample)[0] in (200, 202), sample.kind
    time.sleep(1)
    assert [vendors.count(sample.kind, expected) for sample in again] == [1] * len(again)
    assert "crashed" not in server.log
    secrets = [v for s in SAMPLES for n, v in s.settings.items() if n.endswith(("token", "secret"))]
    assert [secret for secret in [*secrets, WEBHOOK_SECRET] if secret in server.log] == []

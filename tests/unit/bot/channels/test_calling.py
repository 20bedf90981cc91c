from __future__ import annotations

import socket
from email.utils import formatdate

import aiohttp
import pytest

from bot.channels import calling
from bot.channels.channel import SendError
from tests.unit.bot.channels.vendor import vendor


async def test_an_answer_is_read_whatever_its_status() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(418, {"code": 7}, X_Word="tea")
        answer = await calling.call(http, side.url + "/a", vendor="Acme", json={"t": "你好"})
    assert (answer.status, answer.ok, answer.data) == (418, False, {"code": 7})
    assert answer.headers["x-word"] == "tea"
    assert side.ledger[0].json() == {"t": "你好"}
    assert side.ledger[0].headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_redirect_is_not_followed() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.say(302, Location="/elsewhere")
        answer = await calling.call(http, side.url, vendor="Acme", body=b"x")
    assert answer.status == 302
    assert len(side.ledger) == 1
    assert calling.refusal(answer, vendor="Acme").permanent


async def test_silence_is_temporary_and_names_no_address() -> None:
    async with vendor() as side, aiohttp.ClientSession() as http:
        side.delay_s = 5
        with pytest.raises(SendError) as caught:
            await calling.call(http, side.url + "/bot123:SECRET", vendor="Acme", timeout_s=0.05)
    assert str(caught.value) == "Acme did not answer within 0.05 s."
    assert not caught.value.permanent


async def test_nobody_there_is_temporary_and_names_no_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/bot123:SECRET"
        async with aiohttp.ClientSession() as http:
            with pytest.raises(SendError) as caught:
                await calling.call(http, url, vendor="Acme")
    assert str(caught.value) == "Acme could not be reached (ClientConnectorError)."
    assert not caught.value.permanent


async def test_a_wrong_url_is_permanent() -> None:
    async with aiohttp.ClientSession() as http:
        with pytest.raises(SendError, match="not valid") as caught:
            await calling.call(http, "http://[", vendor="Acme")
    assert caught.value.permanent


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (200, False),
        (302, True),
        (400, True),
        (401, True),
        (404, True),
        (408, False),
        (429, False),
        (500, False),
        (503, False),
    ],
)
def test_the_status_tells_whether_to_try_again(status: int, permanent: bool) -> None:
    answer = calling.VendorAnswer(status=status, headers={}, data={})
    error = calling.refusal(answer, vendor="Acme", code='bad\n"thing"')
    assert error.permanent is permanent
    assert str(error) == f"Acme refused: HTTP {status}, bad thing."


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30),
        ("1.5", 1.5),
        ("-4", 0),
        ("", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        (formatdate(0), 0),
    ],
)
def test_retry_after_in_all_its_forms(value: str, seconds: float | None) -> None:
    answer = calling.VendorAnswer(status=429, headers={"Retry-After": value}, data={})
    assert calling.retry_after(answer) == seconds

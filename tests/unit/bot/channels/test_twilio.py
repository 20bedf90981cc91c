from __future__ import annotations

import base64
import dataclasses
import hashlib
import hmac
import urllib.parse

import aiohttp
import pytest

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Received, Request, SendError
from bot.domain import BotMessage, Button
from tests.unit.bot.channels.vendor import Vendor, request, vendor

SID = "AC" + "0" * 32
# From https://www.twilio.com/docs/usage/security
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+14158675309",
    "Digits": "1234",
    "From": "+14158675309",
    "To": "+18005551212",
}
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def channel(api_url: str = "https://api.twilio.com", **more: object) -> Channel:
    section = {"account_sid": SID, "auth_token": "12345", "api_url": api_url}
    return catalogue.open_one("twilio", {**section, **more})


def form(**fields: str) -> bytes:
    return urllib.parse.urlencode(fields).encode()


def called(url: str = URL, signature: str = SIGNATURE, **headers: str) -> Request:
    asked = request(form(**FIELDS), {"X-Twilio-Signature": signature, **headers}, url=url)
    return dataclasses.replace(asked, query={"foo": "1", "bar": "2"})


def test_the_official_vector_with_and_without_port() -> None:
    channel().verify(called())
    channel().verify(called(URL.replace(".com/", ".com:443/")))
    for wrong in (URL.replace("https", "http"), URL + "3"):
        with pytest.raises(errors.Forged):
            channel().verify(called(wrong))


def sign(content: str, algorithm: str) -> str:
    return base64.b64encode(hmac.new(b"shared", content.encode(), algorithm).digest()).decode()


def test_a_shared_key_signs_with_sha_256() -> None:
    content = URL + "".join(name + FIELDS[name] for name in sorted(FIELDS))
    settings = {"X-Twilio-Webhooks-Signature-Settings": "key=k1,algorithm=HMAC_SHA256"}
    right = called(signature=sign(content, "sha256"), **settings)
    channel(signing_secret="shared").verify(right)
    for wrong in (
        called(signature=sign(content, "sha256")),
        called(signature=sign(content, "sha1"), **settings),
        called(
            signature=sign(content, "sha256"),
            **{"X-Twilio-Webhooks-Signature-Settings": "algorithm=NONE"},
        ),
    ):
        with pytest.raises(errors.Forged):
            channel(signing_secret="shared").verify(wrong)


def test_another_body_is_signed_by_its_hash_in_the_url() -> None:
    body = b'{"a":1}'
    digest = hashlib.sha256(body).hexdigest()
    url = f"https://bot.example/w?bodySHA256={digest}"
    headers = {"X-Twilio-Signature": sign(url, "sha1")}
    asked = request(body, headers, url=url, query={"bodySHA256": digest})
    channel(signing_secret="shared").verify(asked)
    with pytest.raises(errors.Forged):
        channel(signing_secret="shared").verify(dataclasses.replace(asked, body=b'{"a":2}'))


def receive(**changes: str | None) -> Received:
    usual: dict[str, str | None] = {
        "MessageSid": "SM1",
        "AccountSid": SID,
        "From": "+15550001",
        "To": "+15550002",
        "Body": "你好",
        "NumMedia": "0",
    }
    fields = {name: value for name, value in {**usual, **changes}.items() if value is not None}
    return channel().parse(request(form(**fields)))


def test_a_text_message() -> None:
    received = receive()
    (message,) = received.messages
    assert (message.account, message.sender, message.text) == ("+15550002", "+15550001", "你好")
    assert message.dedupe_key == "SM1"
    assert message.address == {"to": "+15550001", "from": "+15550002"}
    assert (received.answer.body, received.answer.content_type) == (b"<Response/>", "text/xml")


def test_a_pressed_button_is_its_payload() -> None:
    (message,) = receive(Body="Yes", ButtonText="Yes", ButtonPayload="/affirm").messages
    assert (message.text, message.title) == ("/affirm", "Yes")


def test_a_picture_is_a_sign() -> None:
    (message,) = receive(Body="", NumMedia="1", MediaUrl0="https://m.example/1").messages
    assert (message.text, message.metadata) == ("🖼️", {"media": ["https://m.example/1"]})


@pytest.mark.parametrize(
    "changes",
    [
        {"Body": " stop "},
        {"Body": "Unsubscribe"},
        {"OptOutType": "HELP"},
        {"MessageStatus": "delivered"},
        {"Body": None},
        {"Body": ""},
        {"From": ""},
        {"NumMedia": "999999999999999999999", "Body": ""},
    ],
)
def test_what_nobody_shall_answer_is_taken(changes: dict[str, str | None]) -> None:
    received = receive(**changes)
    assert (list(received.messages), received.answer.body) == ([], b"<Response/>")


def test_stop_is_a_word_like_others_on_whatsapp() -> None:
    assert len(receive(From="whatsapp:+15550001", Body="stop").messages) == 1


def test_all_is_said_in_words() -> None:
    message = BotMessage(
        text="哪一个？",
        buttons=(Button(title="查物流", payload="/a"), Button(title="退货", payload="/b")),
        image="https://i.example/a.png",
    )
    (piece,) = channel().render([message], {})
    assert piece["text"] == (
        "哪一个？\n请回复序号：\n1. 查物流\n2. 退货\n\nhttps://i.example/a.png"
    )


def test_long_texts_are_split_by_what_they_cost() -> None:
    latin, chinese = (
        channel(max_segments=2).render([BotMessage(text=text)], {})
        for text in ("a" * 700, "你" * 300)
    )
    assert [len(piece["text"]) for piece in latin] == [306, 306, 88]
    assert [len(piece["text"]) for piece in chinese] == [134, 134, 32]


async def deliver(side: Vendor) -> None:
    async with aiohttp.ClientSession() as http:
        address = {"to": "+15550001", "from": "+15550002"}
        await channel(side.url).send({"text": "你好 & hi"}, address, key="k1", http=http)


async def test_a_reply_is_posted_as_a_form() -> None:
    async with vendor() as side:
        side.say(201, {"sid": "SM2"})
        await deliver(side)
    (call,) = side.ledger
    assert call.path == f"/2010-04-01/Accounts/{SID}/Messages.json"
    login = base64.b64encode(f"{SID}:12345".encode()).decode()
    assert call.headers["Authorization"] == f"Basic {login}"
    assert urllib.parse.parse_qs(call.body.decode()) == {
        "To": ["+15550001"],
        "From": ["+15550002"],
        "Body": ["你好 & hi"],
    }


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (400, 21610, True),
        (400, 21211, True),
        (429, 20429, False),
        (401, 20003, False),
        (500, None, False),
    ],
)
async def test_a_refusal_says_whether_to_try_again_and_names_nobody(
    status: int, code: int | None, permanent: bool
) -> None:
    async with vendor() as side:
        side.say(status, {"code": code, "message": "The 'To' number +15550001 is not valid"})
        with pytest.raises(SendError) as caught:
            await deliver(side)
    assert caught.value.permanent is permanent
    assert str(caught.value) == f"HTTP {status}" + (f", code {code}" if code else "")


def test_a_wrong_account_is_told_at_start() -> None:
    with pytest.raises(errors.ConfigError, match="account_sid"):
        channel(account_sid="SK123")

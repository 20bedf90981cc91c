"""Our verifiers of sealed and token-borne channels against the vendors' own libraries.

Each on thousands of mutated requests, many of them signed again with the right keys so that the
inner checks are reached too. Both must accept the same ones, and ours never raises. A library that
raises has refused. DingTalk, Chatwoot, Telegram and Rasa (callback) publish no verifier for HTTP:
the reference is written here from their specification, apart from the code that is tested.
"""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import hashlib
import hmac
import json
import logging
import os
import random
import re
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from multidict import CIMultiDict
from wechatpy.crypto import WeChatCrypto
from wechatpy.enterprise.crypto import WeChatCrypto as WeComCrypto

from bot import errors
from bot.channels import catalogue
from bot.channels.channel import Channel, Request
from tests.unit.bot.channels import tokens
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, envelope, sealed
from tests.unit.bot.channels.test_feishu import encrypt, signed
from tests.unit.bot.channels.vendor import NOW, request

REQUESTS = 5000
SECRET = "a-shared-secret_42"
ODD = ["", " ", "x", "ü", "\ud800", "\x00", "0", "-1", "1e9", "１２３", "9" * 300, "None", "==="]
XML = """<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1</CreateTime>
<MsgType>text</MsgType><Content>你好 ]]&gt; hello hello hello hello hello</Content>
<MsgId>12345678</MsgId></xml>"""


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The libraries log each refusal, thousands of them."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def accepts(channel: Channel, req: Request) -> bool:
    """Whether ours accepts; any exception but Forged fails the test."""
    try:
        channel.verify(req)
    except errors.Forged:
        return False
    return True


def bent(text: str, chance: random.Random) -> str:
    """`text` with one small change, or something odd instead."""
    place = chance.randrange(len(text)) if text else 0
    return chance.choice(
        [
            text[:place] + chance.choice("abcAB01+/= ü") + text[place + 1 :],
            text[:place],
            text + chance.choice("a =\n"),
            text.swapcase(),
            f"{text}, {text}",
            chance.choice(ODD),
        ]
    )


def changed(req: Request, chance: random.Random) -> Request:
    """One change of body, headers or query, after it was signed."""
    body, headers, query = bytearray(req.body), CIMultiDict(req.headers), dict(req.query)
    kind = chance.randrange(8)
    if kind == 0 and body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    elif kind == 1 and body:
        del body[chance.randrange(len(body)) :]
    elif kind == 2:
        body += chance.choice([b" ", b"\n", b"\x00", b"\xff", b"</xml>", b"{}", b"<!-- -->"])
    elif kind == 3 and body:
        body = bytearray(chance.choice([b"", b"{}", b"[]", b"null", b"<xml/>", bytes(body[::-1])]))
    elif kind == 4 and b"<xml>" in body:
        more = chance.choice(
            [b"<Encrypt>x</Encrypt>", b"<A><Encrypt/></A>", b"<!-- a -->", b"<?p?>"]
        )
        body = bytearray(bytes(body).replace(b"<xml>", b"<xml>" + more))
    elif (kind in (5, 6) and query) or not headers:
        names = list(query)
        if names:
            name = chance.choice(names)
            query[name] = bent(query[name], chance)
            if chance.random() < 0.2:
                del query[name]
    else:
        name = chance.choice(list(headers))
        headers[name] = bent(headers[name], chance)
        if chance.random() < 0.2:
            del headers[name]
    return dataclasses.replace(req, body=bytes(body), headers=headers, query=query)


def compare(
    channel: Channel,
    make: Callable[[random.Random], Request],
    expected: Callable[[Request], bool | None],
) -> None:
    """Ours and theirs on all requests; None from theirs: either is right."""
    chance = random.Random(f"sealed {channel.name}")  # noqa: S311 - to be repeated
    accepted, different = 0, []
    for _ in range(REQUESTS):
        req = make(chance)
        for _ in range(chance.choice([0, 0, 1, 1, 1, 2, 3])):
            req = changed(req, chance)
        ours, theirs = accepts(channel, req), expected(req)
        accepted += ours
        if theirs is not None and ours != theirs:
            different.append((ours, theirs, req))
    assert different == []
    assert REQUESTS * 0.1 < accepted < REQUESTS * 0.9


def fresh(stamp: str, now: float, window_s: float) -> bool:
    return re.fullmatch(r"[0-9]{1,12}", stamp, re.ASCII) is not None and (
        abs(now - int(stamp)) <= window_s
    )


def age(chance: random.Random, window_s: int = 300) -> float:
    """When a request was signed: mostly in time."""
    return NOW + chance.choice([0] * 9 + [window_s - 1, 1 - window_s, window_s + 1, -window_s - 1])


# WeChat and WeCom


def envelope_of_vendor(chance: random.Random) -> Request:
    """A sealed message: sometimes cut, with damaged blocks or of another key, but well signed."""
    seal, text = envelope(), bytearray(XML.encode())
    kind = chance.randrange(6)
    if kind == 0:
        seal = envelope(receiver=chance.choice(["wx0", RECEIVER + "0", RECEIVER[:-1], "ü"]))
    elif kind == 1:
        seal = envelope(token=chance.choice(["QDG6eL", "qdg6ek", "x"]))
    elif kind == 2:
        text = text[: chance.randrange(len(text))]
    req = sealed(bytes(text), at=age(chance), seal=seal)
    if kind in (3, 4):
        damaged = damaged_text(req, chance)
        stamp, nonce = req.query["timestamp"], req.query["nonce"]
        body = f"<xml><Encrypt><![CDATA[{damaged}]]></Encrypt></xml>".encode()
        query = {**req.query, "msg_signature": seal.signature(stamp, nonce, damaged)}
        req = dataclasses.replace(req, body=body, query=query)
    return req


def damaged_text(req: Request, chance: random.Random) -> str:
    found = re.search(rb"<!\[CDATA\[(.*?)\]\]>", req.body)
    assert found is not None
    raw = bytearray(base64.b64decode(found[1]))
    kind = chance.randrange(5)
    if kind == 0:
        raw[chance.randrange(len(raw))] ^= 1 << chance.randrange(8)
    elif kind == 1:
        del raw[chance.randrange(len(raw)) :]
    elif kind == 2:
        del raw[chance.randrange(1 + len(raw) // 16) * 16 :]
    elif kind == 3:
        raw[:] = chance.randbytes(16 * chance.randrange(6))
    encoded = base64.b64encode(raw).decode()
    if kind == 4:
        return encoded[:40] + chance.choice(["\n", " ", "!", "=", "ü"]) + encoded[40:]
    return encoded


def by_wechatpy(crypto: Any) -> Callable[[Request], bool | None]:  # noqa: ANN401 - no types
    def expected(req: Request) -> bool | None:
        query = req.query
        given = [query.get(name) for name in ("msg_signature", "timestamp", "nonce")]
        try:
            crypto.decrypt_message(req.body, *given)
        except UnicodeDecodeError as cause:
            # Signed and meant for us, but no UTF-8 within: the library gives up, ours reads it.
            return None if cause.object not in (req.body, *given) else False
        except Exception:
            return False
        return fresh(query.get("timestamp", ""), req.received_at, 300)

    return expected


KEYS = {"token": TOKEN, "aes_key": AES_KEY}


def test_wechat_as_wechatpy() -> None:
    channel = catalogue.open_one("wechat", {"app_id": RECEIVER, "app_secret": "x", **KEYS})
    compare(channel, envelope_of_vendor, by_wechatpy(WeChatCrypto(TOKEN, AES_KEY, RECEIVER)))


def test_wecom_as_wechatpy() -> None:
    settings = {"corp_id": RECEIVER, "agent_id": 1, "secret": "x", **KEYS}
    channel = catalogue.open_one("wecom", settings)
    compare(channel, envelope_of_vendor, by_wechatpy(WeComCrypto(TOKEN, AES_KEY, RECEIVER)))


def test_the_url_check_of_wecom_as_wechatpy() -> None:
    channel = catalogue.open_one("wecom_kf", {"corp_id": RECEIVER, "secret": "x", **KEYS})
    crypto = WeComCrypto(TOKEN, AES_KEY, RECEIVER)

    def url_check(chance: random.Random) -> Request:
        req = envelope_of_vendor(chance)
        found = re.search(rb"<!\[CDATA\[(.*?)\]\]>", req.body)
        echo = found[1].decode() if found is not None else ""
        return dataclasses.replace(req, method="GET", query={**req.query, "echostr": echo})

    def expected(req: Request) -> bool | None:
        names = ("msg_signature", "timestamp", "nonce", "echostr")
        given = [req.query.get(name) for name in names]
        try:
            crypto.check_signature(*given)
        except UnicodeDecodeError:
            return None
        except Exception:
            return False
        return fresh(req.query.get("timestamp", ""), req.received_at, 300)

    compare(channel, url_check, expected)


# Feishu


def test_feishu_as_lark_oapi() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library's own imports
        import lark_oapi as lark
        from lark_oapi.core.model import RawRequest

    class Watched(lark.EventDispatcherHandler):  # type: ignore[misc] # no types
        """Notes whether an event reached the end of the checks."""

        passed = False

        def _verify_sign(self, req: Any, key: str | None) -> None:  # noqa: ANN401 - no types
            super()._verify_sign(req, key)
            self.passed = True

    settings = {
        "app_id": "cli_1",
        "app_secret": "x",
        "encrypt_key": "test key",
        "verification_token": "verification",
    }
    window_s = 8 * 3600

    def expected(req: Request) -> bool | None:
        handler = Watched()
        handler._encrypt_key, handler._verification_token = "test key", "verification"
        raw = RawRequest()
        raw.uri, raw.body, raw.headers = "/", req.body, dict(req.headers)
        answered = handler.do(raw)
        if not handler.passed:
            return bool(answered.status_code == 200)  # the URL check bears no signature
        stamp = req.headers.get("X-Lark-Request-Timestamp", "")
        return fresh(stamp, req.received_at, window_s)

    compare(
        catalogue.open_one("feishu", settings),
        lambda chance: event_of_feishu(chance, window_s),
        expected,
    )


def event_of_feishu(chance: random.Random, window_s: int) -> Request:
    token = chance.choice(["verification"] * 6 + ["Verification", "", "x"])
    event: dict[str, Any] = {
        "schema": "2.0",
        "header": {"event_id": "e", "event_type": "im.message.receive_v1", "token": token},
        "event": {"message": {"content": '{"text": "你好"}'}},
    }
    if chance.random() < 0.2:
        event = {"type": "url_verification", "challenge": "c", "token": token}
    plain = json.dumps(event).encode()
    key = chance.choice(["test key"] * 8 + ["test kez"])
    body = json.dumps({"encrypt": encrypt(plain, key)}).encode()
    if chance.random() < 0.1:
        body = plain
    elif chance.random() < 0.2:
        raw = bytearray(base64.b64decode(json.loads(body)["encrypt"]))
        del raw[chance.randrange(len(raw)) :]
        body = json.dumps({"encrypt": base64.b64encode(raw).decode()}).encode()
    return signed(body, at=age(chance, window_s), key=chance.choice(["test key"] * 8 + ["x"]))


# Teams


def test_teams_as_the_agents_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    from microsoft_agents.hosting.core.authorization import AgentAuthConfiguration
    from microsoft_agents.hosting.core.authorization.jwt import jwt_token_validator as theirs

    keys = jwt.PyJWKSet.from_dict(tokens.jwks("k1", "k2"))

    class Local(jwt.PyJWKClient):
        """The vendor's keys without the network."""

        def get_jwk_set(self, refresh: bool = False) -> jwt.PyJWKSet:
            return keys

    monkeypatch.setattr(theirs, "PyJWKClient", Local)
    configuration = AgentAuthConfiguration(
        client_id=tokens.APP_ID, validate_issuer=True, issuers=[tokens.ISSUER]
    )
    validator = theirs.JwtTokenValidator(configuration)
    validator._jwk_client_manager = theirs._JwkClientManager()  # type: ignore[no-untyped-call]
    now = time.time()
    loop = asyncio.new_event_loop()

    def expected(req: Request) -> bool | None:
        header = req.headers.get("Authorization", "")
        parts = header.split(maxsplit=1)
        if len(parts) != 2 or parts[0].lower() != "bearer" or len(parts[1].split()) != 1:
            return False
        bearer = parts[1].strip()
        try:
            identity = loop.run_until_complete(validator.validate_token(bearer))
        except Exception:
            return False
        # What the library leaves to others, and ours insists on.
        said = identity.claims
        try:
            service = json.loads(req.body.decode("utf-8", "replace"))["serviceUrl"]
        except Exception:
            return False
        return (
            "exp" in said and said.get("iss") == tokens.ISSUER and service == said.get("serviceurl")
        )

    channel = catalogue.open_one("teams", {"app_id": tokens.APP_ID, "app_password": "x"})
    ours: Any = channel
    ours.keys._keys = {key.key_id: (key, ()) for key in keys.keys}
    try:
        compare(channel, lambda chance: call_of_teams(chance, now), expected)
    finally:
        loop.close()


def call_of_teams(chance: random.Random, now: float) -> Request:
    said = tokens.claims(now)
    kind = chance.randrange(9)
    if kind == 0:
        moments = [now - 3600, now - 280, now - 320, now + 10]
        said["exp"] = int(chance.choice(moments))
    elif kind == 1:
        said["nbf"] = int(chance.choice([now + 280, now + 320, now - 9]))
    elif kind == 2:
        said["aud"] = chance.choice([tokens.APP_ID.upper(), "x", "", [tokens.APP_ID], 7])
    elif kind == 3:
        said["iss"] = chance.choice(["https://evil.example", "", tokens.ISSUER + "/"])
    elif kind == 4:
        del said[chance.choice(["exp", "aud", "iss", "nbf", "serviceurl"])]
    kid = chance.choice(["k1"] * 6 + ["k2", "k3"])
    bearer = cached_token(json.dumps(said), kid)
    if chance.random() < 0.15:
        bearer = forged_token(bearer, said, chance)
    word = chance.choice(["Bearer", "bearer", "BEARER", "Bearer "])
    req = tokens.bearing("", json.dumps(tokens.activity()).encode(), now=now)
    return dataclasses.replace(req, headers=CIMultiDict({"Authorization": f"{word} {bearer}"}))


_TOKENS: dict[tuple[str, str], str] = {}


def cached_token(said: str, kid: str) -> str:
    """Signing is slow; the same claims are signed once."""
    if (said, kid) not in _TOKENS:
        _TOKENS[said, kid] = tokens.token(json.loads(said), kid)
    return _TOKENS[said, kid]


def forged_token(bearer: str, said: dict[str, Any], chance: random.Random) -> str:
    """Tokens of tricksters: no algorithm, a shared key, another's signature, rubbish."""
    head, body, signature = bearer.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","kid":"k1"}').decode().rstrip("=")
    return chance.choice(
        [
            f"{none}.{body}.",
            f"{none}.{body}.{signature}",
            jwt.encode({**said, "exp": 2**40}, "k" * 32, algorithm="HS256", headers={"kid": "k1"}),
            f"{head}.{body}.{signature[::-1]}",
            f"{head}.{base64.urlsafe_b64encode(b'[]').decode()}.{signature}",
            f"{head}.{body}",
            "a.b.c",
            os.urandom(40).hex(),
        ]
    )


# No library verifies these, so the reference is the specification.


def test_dingtalk_as_specified() -> None:
    channel = catalogue.open_one("dingtalk", {"app_key": "k", "app_secret": "s"})

    def make(chance: random.Random) -> Request:
        stamp = str(int(age(chance, 3600) * 1000))
        secret = chance.choice(["s"] * 8 + ["S", "t"])
        if chance.random() < 0.1:
            stamp = chance.choice(ODD)
        content = (stamp + "\n" + secret).encode("utf-8", "replace")
        sign = base64.b64encode(hmac.digest(secret.encode(), content, "sha256")).decode()
        return request(b'{"msgtype":"text"}', {"timestamp": stamp, "sign": sign})

    def expected(req: Request) -> bool:
        stamp, sign = req.headers.get("timestamp", ""), req.headers.get("sign", "")
        if re.fullmatch("[0-9]{1,15}", stamp, re.ASCII) is None:
            return False
        mac = hmac.new(b"s", stamp.encode() + b"\ns", hashlib.sha256).digest()
        right = base64.b64encode(mac).decode() == sign
        return right and abs(int(stamp) / 1000 - req.received_at) <= 3600

    compare(channel, make, expected)


def test_chatwoot_as_specified() -> None:
    settings = {"url": "https://c.example", "bot_token": "b", "secret": "s", "second_secret": "t"}
    channel = catalogue.open_one("chatwoot", settings)

    def make(chance: random.Random) -> Request:
        stamp, secret = str(int(age(chance))), chance.choice("ssstttSu")
        body = b'{"event":"message_created","id":1}'
        mac = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
        headers = {"X-Chatwoot-Signature": "sha256=" + mac, "X-Chatwoot-Timestamp": stamp}
        return request(body, headers)

    def expected(req: Request) -> bool:
        stamp = req.headers.get("X-Chatwoot-Timestamp", "")
        given = req.headers.get("X-Chatwoot-Signature", "")
        if not fresh(stamp, req.received_at, 300):
            return False
        content = f"{stamp}.".encode() + req.body
        return given in {
            "sha256=" + hmac.new(secret, content, hashlib.sha256).hexdigest()
            for secret in (b"s", b"t")
        }

    compare(channel, make, expected)


def test_telegram_as_specified() -> None:
    settings = {"bot_token": "1:b", "secret": SECRET}
    channel = catalogue.open_one("telegram", settings)

    def make(chance: random.Random) -> Request:
        given = SECRET if chance.random() < 0.9 else bent(SECRET, chance)
        return request(b'{"update_id":1}', {"X-Telegram-Bot-Api-Secret-Token": given})

    def expected(req: Request) -> bool:
        return req.headers.get("X-Telegram-Bot-Api-Secret-Token") == SECRET

    compare(channel, make, expected)


def test_callback_as_specified() -> None:
    """The token in the address counts if there is one, else the bearer's."""
    settings = {"url": "https://c.example/bot", "incoming_token": SECRET}
    channel = catalogue.open_one("callback", settings)

    def make(chance: random.Random) -> Request:
        given = SECRET if chance.random() < 0.9 else bent(SECRET, chance)
        req = request(b'{"sender":"a","message":"hi"}', {"Authorization": f"Bearer {given}"})
        if chance.random() < 0.5:
            return req
        return dataclasses.replace(req, headers=CIMultiDict(), query={"token": given})

    def expected(req: Request) -> bool:
        token = req.query.get("token", "")
        return (token or req.headers.get("Authorization", "").removeprefix("Bearer ")) == SECRET

    compare(channel, make, expected)

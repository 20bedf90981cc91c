"""Samples of the channels whose requests are sealed, or borne by a token."""

from __future__ import annotations

import base64
import functools
import hashlib
import re
from typing import Any

import jwt
import orjson

from bot.channels.channel import Channel
from tests.contract.samples import NOW, Sample, Signed, digest
from tests.unit.bot.channels import sealed, tokens
from tests.unit.bot.channels.test_feishu import encrypt

PARAMETERS = ["msg_signature", "timestamp", "nonce", "signature", "echostr"]
WORDS = "Where is my parcel?"


@functools.cache  # sealing is random: the same text must give the same request
def seal(body: bytes) -> bytes:
    encrypted = sealed.envelope().encrypted(body)
    return f"<xml><Encrypt><![CDATA[{encrypted}]]></Encrypt></xml>".encode()


def wechat(body: bytes, now: float) -> Signed:
    found = re.search(rb"<!\[CDATA\[(.*?)\]\]>", body)
    assert found is not None
    stamp = str(int(now))
    signature = sealed.envelope().signature(stamp, "n1", found[1].decode())
    return Signed({}, {"timestamp": stamp, "nonce": "n1", "msg_signature": signature})


@functools.cache
def encrypted(body: bytes) -> bytes:
    return orjson.dumps({"encrypt": encrypt(body, "encrypt-key")})


def feishu(body: bytes, now: float) -> Signed:
    stamp = str(int(now))
    signature = hashlib.sha256(f"{stamp}n1encrypt-key".encode() + body).hexdigest()
    return Signed(
        {
            "X-Lark-Request-Timestamp": stamp,
            "X-Lark-Request-Nonce": "n1",
            "X-Lark-Signature": signature,
        }
    )


def dingtalk(_body: bytes, now: float) -> Signed:
    stamp = str(int(now * 1000))
    sign = base64.b64encode(digest("ding-secret", f"{stamp}\nding-secret".encode())).decode()
    return Signed({"timestamp": stamp, "sign": sign})


@functools.cache
def bearer(now: float) -> str:
    return tokens.token(tokens.claims(now))


def teams(_body: bytes, now: float) -> Signed:
    return Signed({"Authorization": f"Bearer {bearer(now)}"})


def with_keys(channel: Channel) -> None:
    """Microsoft's public keys, as if they had been fetched."""
    made: Any = channel
    keys = jwt.PyJWKSet.from_dict(tokens.jwks()).keys
    made.keys._keys = {key.key_id: (key, ()) for key in keys}


def chatwoot(body: bytes, now: float) -> Signed:
    stamp = str(int(now))
    signature = "sha256=" + digest("chatwoot-secret", stamp.encode() + b"." + body).hex()
    return Signed({"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": signature})


def _xml(**more: str) -> bytes:
    values = {"ToUserName": "gh_1", "FromUserName": "o1", "CreateTime": "1348831860"}
    values |= {"MsgType": "text", "Content": WORDS, "MsgId": "1234"} | more
    inside = "".join(f"<{name}>{value}</{name}>" for name, value in values.items())
    return f"<xml>{inside}</xml>".encode()


def _keys(token: str = sealed.TOKEN) -> dict[str, str]:
    return {"token": token, "aes_key": sealed.AES_KEY}


SAMPLES = [
    Sample(
        kind="wechat",
        settings={"app_id": sealed.RECEIVER, "app_secret": "wx-secret", **_keys()},
        other_settings={"app_id": "wx0", "app_secret": "wx-secret", **_keys()},
        body=_xml(),
        sign=wechat,
        signature="msg_signature",
        timed=True,
        limit=2048,
        unit="utf8",
        form="xml",
        wrap=seal,
        in_query=True,
    ),
    Sample(
        kind="wecom",
        settings={"corp_id": sealed.RECEIVER, "agent_id": 1, "secret": "ww-secret", **_keys()},
        other_settings={
            "corp_id": sealed.RECEIVER,
            "agent_id": 1,
            "secret": "ww-secret",
            **_keys("another"),
        },
        body=_xml(AgentID="1"),
        sign=wechat,
        signature="msg_signature",
        timed=True,
        limit=2048,
        unit="utf8",
        form="xml",
        wrap=seal,
        in_query=True,
    ),
    Sample(
        kind="feishu",
        settings={
            "app_id": "cli_1",
            "app_secret": "fs-secret",
            "encrypt_key": "encrypt-key",
            "verification_token": "fs-token",
        },
        other_settings={
            "app_id": "cli_1",
            "app_secret": "fs-secret",
            "encrypt_key": "another-key",
            "verification_token": "fs-token",
        },
        body=orjson.dumps(
            {
                "schema": "2.0",
                "header": {
                    "event_id": "ev1",
                    "event_type": "im.message.receive_v1",
                    "token": "fs-token",
                    "app_id": "cli_1",
                },
                "event": {
                    "sender": {"sender_id": {"open_id": "ou_1"}, "sender_type": "user"},
                    "message": {
                        "message_id": "om_1",
                        "chat_id": "oc_1",
                        "chat_type": "p2p",
                        "message_type": "post",
                        # Rich text in one string, so that odd escapes are those of the content.
                        "content": '{"title": "' + WORDS + '"}',
                    },
                },
            }
        ),
        sign=feishu,
        signature="X-Lark-Signature",
        timed=True,
        window_s=8 * 3600,
        wrap=encrypted,
    ),
    Sample(
        kind="dingtalk",
        settings={"app_key": "ding1", "app_secret": "ding-secret"},
        other_settings={"app_key": "ding1", "app_secret": "another"},
        body=orjson.dumps(
            {
                "msgtype": "text",
                "text": {"content": " " + WORDS},
                "msgId": "msg1",
                "conversationType": "1",
                "conversationId": "cid1",
                "senderId": "$:LWCP1",
                "sessionWebhook": "https://oapi.dingtalk.com/robot/sendBySession?session=S",
                "sessionWebhookExpiredTime": int(NOW * 1000) + 5_400_000,
            }
        ),
        sign=dingtalk,
        signature="sign",
        covers_body=False,
        timed=True,
        window_s=3600,
        limit=18_000,
        unit="utf8",
    ),
    Sample(
        kind="teams",
        settings={"app_id": tokens.APP_ID, "app_password": "ms-secret"},
        other_settings={"app_id": "another", "app_password": "ms-secret"},
        body=orjson.dumps(tokens.activity(text=WORDS)),
        sign=teams,
        signature="Authorization",
        covers_body=False,
        limit=10_000,
        unit="utf16",
        prepare=with_keys,
    ),
    Sample(
        kind="chatwoot",
        settings={
            "url": "https://chat.example",
            "bot_token": "bot-token",
            "secret": "chatwoot-secret",
        },
        other_settings={
            "url": "https://chat.example",
            "bot_token": "bot-token",
            "secret": "another",
        },
        body=orjson.dumps(
            {
                "event": "message_created",
                "id": 12,
                "content": WORDS,
                "message_type": "incoming",
                "private": False,
                "conversation": {"id": 5, "status": "pending", "inbox_id": 2},
                "account": {"id": 1},
            }
        ),
        sign=chatwoot,
        signature="X-Chatwoot-Signature",
        timed=True,
        limit=10_000,
    ),
]

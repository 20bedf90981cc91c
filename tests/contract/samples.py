"""One channel of each kind, with the vendor's hand: what signs a body so that it is authentic."""

from __future__ import annotations

import base64
import hashlib
import hmac
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from multidict import CIMultiDict

from bot.channels import catalogue
from bot.channels.channel import Channel, Request

NOW = 1_760_000_000.0
URL = "https://bot.example/webhooks/sample/webhook"


_OPEN: dict[str, Channel] = {}


@dataclass(frozen=True)
class Signed:
    """What a vendor adds to a body: headers, and for some the URL's query."""

    headers: Mapping[str, str]
    query: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Sample:
    """A channel with a message that its vendor could send."""

    kind: str
    settings: Mapping[str, Any]
    other_settings: Mapping[str, Any]
    """Of another account: other secrets."""
    body: bytes
    sign: Callable[[bytes, float], Signed]
    signature: str
    """The header that proves the request; or the parameter of the URL, if `in_query`."""
    covers_body: bool = True
    timed: bool = False
    """Whether the signature has a timestamp with a window of `window_s`."""
    window_s: int = 300
    limit: int = 0
    """Of a text of a piece, in `unit`; 0: none."""
    unit: str = "characters"
    form: str = "json"
    """Of `body`: json, form or xml."""
    wrap: Callable[[bytes], bytes] = bytes
    """Seals `body` as the vendor does; most do not."""
    in_query: bool = False
    prepare: Callable[[Channel], None] = lambda _channel: None
    """Gives the channel what it would fetch from the vendor before the first request."""

    def channel(self) -> Channel:
        if self.kind not in _OPEN:  # opening looks through the installed packages
            _OPEN[self.kind] = catalogue.open_one(self.kind, self.settings)
            self.prepare(_OPEN[self.kind])
        return _OPEN[self.kind]

    def other_channel(self) -> Channel:
        channel = catalogue.open_one(self.kind, self.other_settings)
        self.prepare(channel)
        return channel

    def request(self, body: bytes | None = None, *, now: float = NOW) -> Request:
        """An authentic request, signed at `now` and arriving at NOW."""
        content = self.wrap(self.body if body is None else body)
        signed = self.sign(content, now)
        return make(content, signed.headers, query=signed.query)


def make(
    body: bytes,
    headers: Mapping[str, str],
    *,
    query: Mapping[str, str] | None = None,
    method: str = "POST",
) -> Request:
    """A request as the gateway makes it."""
    asked = dict(query or {})
    url = URL + ("?" + urllib.parse.urlencode(asked) if asked else "")
    return Request(
        method=method,
        url=url,
        query=asked,
        headers=CIMultiDict(headers),
        body=body,
        received_at=NOW,
    )


def digest(key: str | bytes, content: bytes, algorithm: str = "sha256") -> bytes:
    secret = key.encode() if isinstance(key, str) else key
    return hmac.new(secret, content, algorithm).digest()


def slack(body: bytes, now: float) -> Signed:
    stamp = str(int(now))
    signature = "v0=" + digest("slack-secret", f"v0:{stamp}:".encode() + body).hex()
    return Signed(
        {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature,
            "Content-Type": "application/json",
        }
    )


def telegram(_body: bytes, _now: float) -> Signed:
    return Signed({"X-Telegram-Bot-Api-Secret-Token": "a-secret-of-16-or-more"})


def meta(body: bytes, _now: float) -> Signed:
    return Signed({"X-Hub-Signature-256": "sha256=" + digest("app-secret", body).hex()})


def line(body: bytes, _now: float) -> Signed:
    return Signed({"X-Line-Signature": base64.b64encode(digest("line-secret", body)).decode()})


def twilio(body: bytes, _now: float) -> Signed:
    pairs = sorted(urllib.parse.parse_qsl(body.decode("latin-1"), encoding="utf-8"))
    content = URL + "".join(name + value for name, value in pairs)
    signature = base64.b64encode(digest("twilio-token", content.encode(), "sha1")).decode()
    return Signed(
        {
            "X-Twilio-Signature": signature,
            "Content-Type": "application/x-www-form-urlencoded",
        }
    )


WEBHOOK_KEY = hashlib.sha256(b"a key").digest()
WEBHOOK_SECRET = "whsec_" + base64.b64encode(WEBHOOK_KEY).decode()
OTHER_SECRET = "whsec_" + base64.b64encode(hashlib.sha256(b"another").digest()).decode()


def webhook(body: bytes, now: float) -> Signed:
    stamp = str(int(now))
    content = f"msg_1.{stamp}.".encode() + body
    signature = "v1," + base64.b64encode(digest(WEBHOOK_KEY, content)).decode()
    return Signed(
        {"webhook-id": "msg_1", "webhook-timestamp": stamp, "webhook-signature": signature}
    )


def callback(_body: bytes, _now: float) -> Signed:
    return Signed({"Authorization": "Bearer incoming-token"})


def _meta_settings(secret: str) -> dict[str, str]:
    return {"app_secret": secret, "verify_token": "verify-me", "access_token": "EAAB"}


SAMPLES = [
    Sample(
        kind="slack",
        settings={"signing_secret": "slack-secret", "bot_token": "xoxb-1"},
        other_settings={"signing_secret": "another", "bot_token": "xoxb-2"},
        body=orjson.dumps(
            {
                "type": "event_callback",
                "team_id": "T1",
                "event_id": "Ev1",
                "event": {
                    "type": "message",
                    "channel_type": "im",
                    "channel": "D1",
                    "user": "U1",
                    "text": "Where is my parcel?",
                    "ts": "1355517523.000005",
                },
            }
        ),
        sign=slack,
        signature="X-Slack-Signature",
        timed=True,
        limit=3000,
    ),
    Sample(
        kind="telegram",
        settings={"bot_token": "123456:ABC", "secret": "a-secret-of-16-or-more"},
        other_settings={"bot_token": "654321:XYZ", "secret": "another-secret-of-16"},
        body=orjson.dumps(
            {
                "update_id": 1,
                "message": {
                    "message_id": 7,
                    "date": 1,
                    "chat": {"id": 42, "type": "private"},
                    "from": {"id": 42, "is_bot": False, "language_code": "en"},
                    "text": "Where is my parcel?",
                },
            }
        ),
        sign=telegram,
        signature="X-Telegram-Bot-Api-Secret-Token",
        covers_body=False,
        limit=4096,
        unit="utf16",
    ),
    Sample(
        kind="messenger",
        settings=_meta_settings("app-secret"),
        other_settings=_meta_settings("another"),
        body=orjson.dumps(
            {
                "object": "page",
                "entry": [
                    {
                        "id": "PAGE",
                        "messaging": [
                            {
                                "sender": {"id": "PSID"},
                                "recipient": {"id": "PAGE"},
                                "timestamp": 1,
                                "message": {"mid": "m_1", "text": "Where is my parcel?"},
                            }
                        ],
                    }
                ],
            }
        ),
        sign=meta,
        signature="X-Hub-Signature-256",
        limit=2000,
    ),
    Sample(
        kind="whatsapp",
        settings=_meta_settings("app-secret"),
        other_settings=_meta_settings("another"),
        body=orjson.dumps(
            {
                "object": "whatsapp_business_account",
                "entry": [
                    {
                        "id": "WABA",
                        "changes": [
                            {
                                "field": "messages",
                                "value": {
                                    "messaging_product": "whatsapp",
                                    "metadata": {"phone_number_id": "PN"},
                                    "messages": [
                                        {
                                            "from": "8613800000000",
                                            "id": "wamid.X",
                                            "timestamp": "1",
                                            "type": "text",
                                            "text": {"body": "Where is my parcel?"},
                                        }
                                    ],
                                },
                            }
                        ],
                    }
                ],
            }
        ),
        sign=meta,
        signature="X-Hub-Signature-256",
        limit=4096,
    ),
    Sample(
        kind="line",
        settings={"channel_secret": "line-secret", "access_token": "line-token"},
        other_settings={"channel_secret": "another", "access_token": "token"},
        body=orjson.dumps(
            {
                "destination": "Ubot",
                "events": [
                    {
                        "type": "message",
                        "mode": "active",
                        "timestamp": 1,
                        "webhookEventId": "01H",
                        "source": {"type": "user", "userId": "U1"},
                        "replyToken": "r1",
                        "message": {"id": "1", "type": "text", "text": "Where is my parcel?"},
                    }
                ],
            }
        ),
        sign=line,
        signature="X-Line-Signature",
        limit=5000,
        unit="utf16",
    ),
    Sample(
        kind="twilio",
        settings={"account_sid": "AC" + "0" * 32, "auth_token": "twilio-token"},
        other_settings={"account_sid": "AC" + "0" * 32, "auth_token": "another"},
        body=b"MessageSid=SM1&From=%2B15550001&To=%2B15550002&NumMedia=0&Body=Where+is+my+parcel%3F",
        sign=twilio,
        form="form",
        signature="X-Twilio-Signature",
        limit=6,
        unit="sms_segments",
    ),
    Sample(
        kind="webhook",
        settings={"url": "https://shop.example/hook", "secrets": [WEBHOOK_SECRET]},
        other_settings={"url": "https://shop.example/hook", "secrets": [OTHER_SECRET]},
        body=orjson.dumps(
            {"type": "message", "data": {"sender": "u1", "text": "Where is my parcel?"}}
        ),
        sign=webhook,
        signature="webhook-signature",
        timed=True,
    ),
    Sample(
        kind="callback",
        settings={"url": "https://shop.example/bot", "incoming_token": "incoming-token"},
        other_settings={"url": "https://shop.example/bot", "incoming_token": "another"},
        body=orjson.dumps({"sender": "u1", "message": "Where is my parcel?"}),
        sign=callback,
        signature="Authorization",
        covers_body=False,
    ),
]

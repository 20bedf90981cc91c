"""Six vendors as they call us: settings, and signed requests that hold one message each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from bot.channels.standard import Keys

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - of the specification's example
KEYS = Keys.of([SECRET])
TOKEN = "secret-of-sixteen-characters"  # noqa: S105 - opens nothing
SID = "AC" + "0" * 32
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NAMES = ("webhook", "line", "telegram", "slack", "callback", "twilio")
WITH_KEY = frozenset({"webhook", "line"})
"""Those that know a repeated reply by its key; the others cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request of a vendor."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def settings(vendor_url: str) -> str:
    """The sections of frontdesk.toml that connect all of them to a vendor at `vendor_url`."""
    return f"""
[channels.webhook]
url = "{vendor_url}/webhook"
secrets = ["{SECRET}"]
[channels.line]
channel_secret = "{TOKEN}"
access_token = "{TOKEN}"
use_reply_token = false
api_url = "{vendor_url}"
[channels.telegram]
bot_token = "1:{TOKEN}"
secret = "{TOKEN}"
api_url = "{vendor_url}"
[channels.slack]
signing_secret = "{TOKEN}"
bot_token = "{TOKEN}"
api_url = "{vendor_url}"
[channels.callback]
url = "{vendor_url}/callback"
incoming_token = "{TOKEN}"
[channels.twilio]
account_sid = "{SID}"
auth_token = "{TOKEN}"
api_url = "{vendor_url}"
"""


def call(channel: str, sender: str, key: int, text: str, public_url: str) -> Call:
    """A message of `sender`, numbered `key`, as the vendor of `channel` sends it."""
    path, headers, body = _SHAPES[channel](sender, key, text)
    signed = _SIGNATURES[channel](public_url + path, key, body)
    return Call(path=path, headers={**headers, **signed}, body=body)


Shape = tuple[str, Mapping[str, str], bytes]


def _webhook(sender: str, key: int, text: str) -> Shape:
    del key
    data = {"type": "message", "data": {"sender": sender, "text": text}}
    return "/webhooks/webhook/webhook", JSON, orjson.dumps(data)


def _line(sender: str, key: int, text: str) -> Shape:
    said = {
        "type": "message",
        "mode": "active",
        "timestamp": 1,
        "webhookEventId": f"E{key}",
        "source": {"type": "user", "userId": sender},
        "replyToken": "used",
        "message": {"id": str(key), "type": "text", "text": text},
    }
    body = orjson.dumps({"destination": "Ubot", "events": [said]})
    return "/webhooks/line/webhook", JSON, body


def _telegram(sender: str, key: int, text: str) -> Shape:
    number = int(hashlib.sha256(sender.encode()).hexdigest()[:8], 16)
    said = {
        "message_id": key,
        "date": 1,
        "chat": {"id": number, "type": "private"},
        "from": {"id": number, "is_bot": False, "first_name": "A"},
        "text": text,
    }
    return "/webhooks/telegram/webhook", JSON, orjson.dumps({"update_id": key, "message": said})


def _slack(sender: str, key: int, text: str) -> Shape:
    event = {
        "type": "message",
        "channel_type": "im",
        "channel": f"D{sender}",
        "user": sender,
        "text": text,
        "ts": f"{key}.0",
    }
    data = {"type": "event_callback", "team_id": "T1", "event_id": f"Ev{key}", "event": event}
    return "/webhooks/slack/webhook", JSON, orjson.dumps(data)


def _callback(sender: str, key: int, text: str) -> Shape:
    data = {"sender": sender, "message": text, "message_id": f"c{key}"}
    return "/webhooks/callback/webhook", JSON, orjson.dumps(data)


def _twilio(sender: str, key: int, text: str) -> Shape:
    data = {"MessageSid": f"SM{key}", "From": f"+1{sender}", "To": "+15550000", "Body": text}
    return "/webhooks/twilio/webhook", FORM, urllib.parse.urlencode(data).encode()


_SHAPES = {
    "webhook": _webhook,
    "line": _line,
    "telegram": _telegram,
    "slack": _slack,
    "callback": _callback,
    "twilio": _twilio,
}


def _sign_webhook(_url: str, key: int, body: bytes) -> Mapping[str, str]:
    return KEYS.sign(f"msg_{key}", time.time(), body)


def _sign_line(_url: str, _key: int, body: bytes) -> Mapping[str, str]:
    digest = hmac.digest(TOKEN.encode(), body, "sha256")
    return {"X-Line-Signature": base64.b64encode(digest).decode()}


def _sign_telegram(_url: str, _key: int, _body: bytes) -> Mapping[str, str]:
    return {"X-Telegram-Bot-Api-Secret-Token": TOKEN}


def _sign_slack(_url: str, _key: int, body: bytes) -> Mapping[str, str]:
    stamp = str(int(time.time()))
    digest = hmac.digest(TOKEN.encode(), f"v0:{stamp}:".encode() + body, "sha256")
    return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest.hex()}"}


def _sign_callback(_url: str, _key: int, _body: bytes) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {TOKEN}"}


def _sign_twilio(url: str, _key: int, body: bytes) -> Mapping[str, str]:
    pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
    content = url + "".join(name + value for name, value in sorted(pairs))
    digest = hmac.digest(TOKEN.encode(), content.encode(), "sha1")
    return {"X-Twilio-Signature": base64.b64encode(digest).decode()}


_SIGNATURES = {
    "webhook": _sign_webhook,
    "line": _sign_line,
    "telegram": _sign_telegram,
    "slack": _sign_slack,
    "callback": _sign_callback,
    "twilio": _sign_twilio,
}

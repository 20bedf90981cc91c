"""Requests as WeChat and WeCom send them: sealed with keys that only the tests know."""

from __future__ import annotations

from bot.channels import wechat_crypto
from bot.channels.channel import Request
from tests.unit.bot.channels.vendor import NOW, request

TOKEN = "QDG6eK"
AES_KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
RECEIVER = "wx5823bf96d3bd56c7"
NONCE = "1372623149"


def envelope(token: str = TOKEN, receiver: str = RECEIVER) -> wechat_crypto.Envelope:
    return wechat_crypto.Envelope(token=token, aes_key=AES_KEY, receiver=receiver)


def sealed(
    xml: str | bytes, *, at: float = NOW, seal: wechat_crypto.Envelope | None = None
) -> Request:
    """A POST of the vendor with `xml` in the envelope."""
    seal = seal or envelope()
    text = xml.encode() if isinstance(xml, str) else xml
    encrypted, stamp = seal.encrypted(text), str(int(at))
    inside = f"<ToUserName>gh_1</ToUserName><Encrypt><![CDATA[{encrypted}]]></Encrypt>"
    body = f"<xml>{inside}</xml>"
    query = {
        "timestamp": stamp,
        "nonce": NONCE,
        "encrypt_type": "aes",
        "msg_signature": seal.signature(stamp, NONCE, encrypted),
    }
    return request(body.encode(), query=query)

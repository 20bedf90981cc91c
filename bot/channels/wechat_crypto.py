"""The sealed envelope of WeChat and WeCom: SHA-1 over a token, AES-256-CBC, and XML within.

Request → `Envelope.opened` → the XML's bytes → `fields` → names and texts; and back by `sealed`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from xml.etree.ElementTree import Element, ParseError

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from defusedxml import DefusedXmlException, ElementTree

from bot import errors
from bot.channels import signatures
from bot.channels.channel import Request

_BLOCK = 32  # bytes: the vendor pads to 32, not to AES's own 16
_RANDOM = 16  # bytes before the length, and the initialisation vector's size
# XML 1.0 cannot hold these, yet people can type them; expat would refuse the whole message.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class Envelope:
    """Opens and seals what one account exchanges with the vendor; its keys never change."""

    def __init__(self, *, token: str, aes_key: str, receiver: str) -> None:
        """Check the keys.

        Args:
            token: chosen by the operator at the vendor.
            aes_key: EncodingAESKey, 43 letters and digits.
            receiver: stands at the end of each sealed text: app id or corp id.

        Raises:
            errors.ConfigError: the key is no such key, or something is empty.
        """
        if not token or not receiver:
            raise errors.ConfigError(
                "Token, app id or corp id is empty.", hint="Copy all three from the vendor's page."
            )
        self._token = token
        self._receiver = receiver.encode()
        self._key = _key(aes_key)

    def signature(self, *values: str) -> str:
        """SHA-1 over the token and `values`, sorted: 40 hexadecimal digits."""
        sorted_values = sorted(signatures.as_bytes(value) for value in (self._token, *values))
        return hashlib.sha1(b"".join(sorted_values), usedforsecurity=False).hexdigest()

    def check(self, request: Request, *values: str, name: str) -> None:
        """Compare the query parameter `name` with the signature of timestamp, nonce and `values`.

        Raises:
            errors.Forged: it is missing, wrong or too old.
        """
        stamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
        signatures.check(request.query.get(name, ""), self.signature(stamp, nonce, *values))
        signatures.check_fresh(stamp, request.received_at)

    def opened(self, request: Request) -> bytes:
        """The XML in the sealed body of `request`.

        Raises:
            errors.Forged: the signature, the key or the receiver is not ours.
        """
        encrypted = _encrypt_of(request.body)
        self.check(request, encrypted, name="msg_signature")
        return self.decrypted(encrypted)

    def decrypted(self, encrypted: str) -> bytes:
        """The text in base64 `encrypted`.

        Raises:
            errors.Forged: it was not sealed with our key for our receiver.
        """
        try:
            raw = base64.b64decode(signatures.as_bytes(encrypted))
        except ValueError:
            raise errors.Forged from None
        if not raw or len(raw) % _RANDOM:
            raise errors.Forged
        opening = self._cipher().decryptor()
        plain = opening.update(raw) + opening.finalize()
        padding = plain[-1]
        content = plain[_RANDOM:-padding] if 1 <= padding <= _BLOCK else b""
        end = 4 + int.from_bytes(content[:4], "big")
        signatures.check(content[end:].hex(), self._receiver.hex())
        return content[4:end]

    def encrypted(self, text: bytes) -> str:
        """`text`, sealed, in base64."""
        content = secrets.token_bytes(_RANDOM) + len(text).to_bytes(4, "big")
        content += text + self._receiver
        padding = _BLOCK - len(content) % _BLOCK
        sealing = self._cipher().encryptor()
        raw = sealing.update(content + bytes([padding]) * padding) + sealing.finalize()
        return base64.b64encode(raw).decode()

    def sealed(self, text: bytes, *, stamp: int, nonce: str) -> bytes:
        """The XML of an answer that holds `text`.

        Args:
            text: the XML to seal.
            stamp: seconds since 1970.
            nonce: any letters and digits.
        """
        encrypted = self.encrypted(text)
        signature = self.signature(str(stamp), nonce, encrypted)
        return element(
            {"Encrypt": encrypted, "MsgSignature": signature, "TimeStamp": stamp, "Nonce": nonce}
        )

    def _cipher(self) -> Cipher[modes.CBC]:
        return Cipher(algorithms.AES(self._key), modes.CBC(self._key[:_RANDOM]))


def fields(xml: bytes) -> dict[str, str]:
    """The direct children of the outermost element by name; the first of a name counts.

    Texts are trimmed at both ends; an element that holds elements counts as empty. DTDs and
    entities are refused; bytes that no XML can hold are dropped.

    Raises:
        errors.BadRequest: it is no XML.
    """
    root = _root(_NOT_XML.sub("", xml.decode("utf-8", "replace")))
    found: dict[str, str] = {}
    for child in root:
        found.setdefault(child.tag, (child.text or "").strip())
    return found


def element(values: Mapping[str, str | int]) -> bytes:
    """`<xml>` with `values` as its children; no text can end its CDATA section early."""
    inside = "".join(f"<{name}>{_cdata(value)}</{name}>" for name, value in values.items())
    return f"<xml>{inside}</xml>".encode()


def _root(text: str) -> Element[str]:
    try:
        return ElementTree.fromstring(text, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as cause:
        raise errors.BadRequest("The body is no XML.", hint="Send the vendor's XML.") from cause


def _encrypt_of(body: bytes) -> str:
    """The sealed text of an envelope. Machines write it, so nothing odd in it is authentic.

    Raises:
        errors.Forged: it is no envelope.
    """
    try:
        root = _root(body.decode())
    except (UnicodeDecodeError, errors.BadRequest):
        raise errors.Forged from None
    found = root.findall("Encrypt")
    if root.tag != "xml" or len(found) != 1 or found[0].attrib or len(found[0]):
        raise errors.Forged
    return (found[0].text or "").strip()


def _cdata(value: str | int) -> str:
    if isinstance(value, int):
        return str(value)
    text = _NOT_XML.sub("", value.encode("utf-8", "replace").decode())
    return "<![CDATA[" + text.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _key(aes_key: str) -> bytes:
    try:
        key = base64.b64decode(aes_key + "=", validate=True)
    except ValueError:
        key = b""
    if len(key) != _BLOCK:
        raise errors.ConfigError(
            f"The EncodingAESKey has {len(aes_key)} characters or is no base64, not 43.",
            hint="Copy it whole from the page where the callback URL is set.",
        )
    return key

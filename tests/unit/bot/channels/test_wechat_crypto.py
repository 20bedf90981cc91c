from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.channels import wechat_crypto
from tests.unit.bot.channels.sealed import AES_KEY, RECEIVER, TOKEN, envelope, sealed
from tests.unit.bot.channels.vendor import request

ECHO = "P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ=="
BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>
<xml><Content>&b;</Content></xml>"""


def test_the_signature_of_wechats_example() -> None:
    seal = envelope(token="AAAAA")
    assert seal.signature("1714036504", "1514711492") == "f464b24fc39322e44b38aa78f5edd27bd1441696"


def test_the_url_check_of_wecoms_example() -> None:
    seal = envelope()
    signature = seal.signature("1409659589", "263014780", ECHO)
    assert signature == "5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3"
    assert seal.decrypted(ECHO) == b"1616140317555161061"


@given(st.binary(max_size=300))
def test_what_is_sealed_can_be_opened(text: bytes) -> None:
    encrypted = envelope().encrypted(text)
    assert envelope().decrypted(encrypted) == text
    assert len(base64.b64decode(encrypted)) % 32 == 0


@given(st.text(max_size=200))
def test_anything_else_is_forged(encrypted: str) -> None:
    with pytest.raises(errors.Forged):
        envelope().decrypted(encrypted)


@given(st.binary(min_size=16, max_size=96))
def test_random_blocks_are_forged(raw: bytes) -> None:
    with pytest.raises(errors.Forged):
        envelope().decrypted(base64.b64encode(raw).decode())


def test_a_text_for_another_receiver_is_forged() -> None:
    other = envelope(receiver="wx0000000000000000")
    with pytest.raises(errors.Forged):
        envelope().decrypted(other.encrypted(b"<xml/>"))
    with pytest.raises(errors.Forged):
        envelope().opened(sealed("<xml/>", seal=other))


def test_an_answer_is_opened_by_whoever_has_the_keys() -> None:
    answer = envelope().sealed("<xml>你好</xml>".encode(), stamp=1714036504, nonce="n1")
    values = wechat_crypto.fields(answer)
    assert list(values) == ["Encrypt", "MsgSignature", "TimeStamp", "Nonce"]
    assert values["MsgSignature"] == envelope().signature("1714036504", "n1", values["Encrypt"])
    assert envelope().decrypted(values["Encrypt"]).decode() == "<xml>你好</xml>"


@pytest.mark.parametrize("text", ["]]>", "]]]]>", "a]]><b>x</b><![CDATA[", "]]", "<&>\"'"])
def test_no_text_breaks_out_of_its_element(text: str) -> None:
    xml = wechat_crypto.element({"Content": text, "CreateTime": 7})
    assert wechat_crypto.fields(xml) == {"Content": text, "CreateTime": "7"}


def test_what_xml_cannot_hold_is_left_out() -> None:
    xml = wechat_crypto.element({"Content": "a\x00b\ud800c\x0b"})
    assert wechat_crypto.fields(xml) == {"Content": "ab?c"}
    assert wechat_crypto.fields(b"<xml><A>x\x00\x14\xff</A></xml>") == {"A": "x\ufffd"}


@pytest.mark.parametrize(
    "xml",
    [
        b"",
        b"{}",
        b"<xml>",
        BOMB.encode(),
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x"><xml/>',
        b'<?xml version="1.0" encoding="utf-16"?><xml/>x',
        b"<a>" * 50_000,
    ],
)
def test_no_dtd_no_entities_no_broken_xml(xml: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        wechat_crypto.fields(xml)


def test_the_first_of_a_name_counts_and_nested_ones_are_empty() -> None:
    xml = b"<xml><A> 1 </A><A>2</A><B><A>3</A></B><C/></xml>"
    assert wechat_crypto.fields(xml) == {"A": "1", "B": "", "C": ""}


@pytest.mark.parametrize("key", ["", "short", AES_KEY[:-1], AES_KEY + "A", "ä" * 43, "-" * 43])
def test_a_wrong_key_is_told_at_the_start(key: str) -> None:
    with pytest.raises(errors.ConfigError, match="EncodingAESKey") as caught:
        wechat_crypto.Envelope(token=TOKEN, aes_key=key, receiver=RECEIVER)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize(
    "body", [b"", b"<xml/>", b"\xff\x00", b"<xml><Encrypt/></xml>", BOMB.encode()]
)
def test_a_body_without_an_envelope_is_forged(body: bytes) -> None:
    with pytest.raises(errors.Forged):
        envelope().opened(request(body))

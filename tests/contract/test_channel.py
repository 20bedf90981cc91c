"""What every channel promises: forged requests are refused, odd ones harm nothing, pieces fit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from bot import errors
from bot.channels import catalogue, split
from bot.channels.channel import Received, Request
from bot.domain import BotMessage, Button
from tests.contract import sealed_samples
from tests.contract.samples import NOW, SAMPLES, Sample, make

ALL = [*SAMPLES, *sealed_samples.SAMPLES]
every_channel = pytest.mark.parametrize("sample", ALL, ids=lambda sample: sample.kind)
PARAMETERS = ["bodySHA256", "token", "hub.mode", *sealed_samples.PARAMETERS]
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


def refused(sample: Sample, request: Request) -> bool:
    """Whether a request is refused as forged; any other exception fails the test."""
    try:
        sample.channel().verify(request)
    except errors.Forged:
        return True
    return False


def with_headers(request: Request, **changed: str | None) -> Request:
    headers = CIMultiDict(request.headers)
    for name, value in changed.items():
        headers.pop(name.replace("_", "-"), None)
        if value is not None:
            headers[name.replace("_", "-")] = value
    return dataclasses.replace(request, headers=headers)


def with_signature(sample: Sample, value: str | None) -> Request:
    return with_value(sample, sample.request(), value)


def with_value(sample: Sample, request: Request, value: str | None) -> Request:
    """`request` with another signature, or None."""
    if not sample.in_query:
        return with_headers(request, **{sample.signature: value})
    query = {name: v for name, v in request.query.items() if name != sample.signature}
    query |= {} if value is None else {sample.signature: value}
    return dataclasses.replace(request, query=query)


def signature_of(sample: Sample, request: Request) -> str:
    return (request.query if sample.in_query else request.headers)[sample.signature]


def test_every_kind_has_a_sample() -> None:
    # Nothing comes to them as one signed request with a message in it.
    others = {"socketio", "wecom_kf"}
    missing = set(catalogue.TABLE) - {sample.kind for sample in ALL} - others
    assert missing == set()


@every_channel
def test_an_authentic_message_is_read(sample: Sample) -> None:
    request = sample.request()
    assert not refused(sample, request)
    (message,) = sample.channel().parse(request).messages
    assert message.text == "Where is my parcel?"
    assert message.sender
    assert message.dedupe_key
    assert orjson.loads(orjson.dumps(dict(message.address))) == message.address


@every_channel
def test_it_is_the_same_message_whenever_it_comes(sample: Sample) -> None:
    channel = sample.channel()
    first, again = (channel.parse(sample.request()) for _ in range(2))
    assert first.messages[0].dedupe_key == again.messages[0].dedupe_key


@every_channel
def test_header_names_have_no_case(sample: Sample) -> None:
    request = sample.request()
    lower = CIMultiDict({name.lower(): value for name, value in request.headers.items()})
    assert not refused(sample, dataclasses.replace(request, headers=lower))


@every_channel
def test_no_header_is_forged(sample: Sample) -> None:
    assert refused(sample, make(sample.body, {}))
    assert refused(sample, with_signature(sample, None))


@every_channel
@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "x" * 10_000,
        "é",
        "\udcff\ud800",
        "\x00",
        "v0=",
        "sha256=",
        "v1,",
        ",",
        "v1,v1,,",
        "=",
    ],
)
def test_a_nonsense_header_is_forged(sample: Sample, value: str) -> None:
    assert refused(sample, with_signature(sample, value))


@every_channel
def test_a_doubled_header_is_forged(sample: Sample) -> None:
    given = signature_of(sample, sample.request())
    assert refused(sample, with_signature(sample, f"{given}, {given}"))


@every_channel
def test_the_key_of_another_account_is_forged(sample: Sample) -> None:
    with pytest.raises(errors.Forged):
        sample.other_channel().verify(sample.request())


@every_channel
def test_one_bit_more_or_less_is_forged(sample: Sample) -> None:
    request = sample.request()
    given = signature_of(sample, request)
    for place in range(len(given) - 1):  # the last of base64 has bits that mean nothing
        flipped = given[:place] + chr(ord(given[place]) ^ 1) + given[place + 1 :]
        assert refused(sample, with_value(sample, request, flipped))
    if not sample.covers_body:
        return
    for place in range(len(request.body)):
        body = bytearray(request.body)
        body[place] ^= 1
        assert refused(sample, dataclasses.replace(request, body=bytes(body)))


@every_channel
def test_the_same_json_in_other_bytes_is_forged(sample: Sample) -> None:
    if not sample.covers_body or sample.form != "json":  # Twilio signs the values of a form
        return
    body = orjson.dumps(orjson.loads(sample.body), option=orjson.OPT_INDENT_2)
    assert refused(sample, dataclasses.replace(sample.request(), body=body))


@every_channel
def test_a_stale_request_is_forged(sample: Sample) -> None:
    if not sample.timed:
        return
    assert not refused(sample, sample.request(now=NOW - sample.window_s))
    assert not refused(sample, sample.request(now=NOW + sample.window_s))
    assert refused(sample, sample.request(now=NOW - sample.window_s - 1))
    assert refused(sample, sample.request(now=NOW + sample.window_s + 1))


@every_channel
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_verify_raises_nothing_but_forged(sample: Sample, data: st.DataObject) -> None:
    names = [*sample.request().headers, "X-Twilio-Webhooks-Signature-Settings"]
    values = st.text(max_size=80) | st.sampled_from([*sample.request().headers.values(), ""])
    headers = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(names, values)))
    query = data.draw(st.dictionaries(st.sampled_from(PARAMETERS), TEXT))
    method = data.draw(st.sampled_from(["GET", "POST"]))
    request = make(data.draw(st.binary()), headers, query={}, method=method)
    genuine = all(headers.get(n) == v for n, v in sample.request().headers.items())
    forged = refused(sample, dataclasses.replace(request, query=query))
    assert forged or genuine or not sample.covers_body


def parsed(sample: Sample, request: Request) -> Received | None:
    """What a request held; None when it was refused as no request of the kind."""
    try:
        return sample.channel().parse(request)
    except errors.BadRequest:
        return None


def storable(received: Received) -> None:
    """Everything of a message can be written down in any database."""
    for message in received.messages:
        assert message.text
        assert message.sender
        assert 0 < len(message.dedupe_key) <= 200
        written = orjson.dumps(dataclasses.asdict(message) | {"title": message.title or ""})
        assert b"\\u0000" not in written
        assert all(abs(number) < 2**63 for number in integers(orjson.loads(written)))


def integers(value: object) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in inner:
        yield from integers(part)


@every_channel
@given(body=st.binary() | JSON.map(lambda value: orjson.dumps(storable_json(value))))
@settings(max_examples=60, deadline=None)
def test_parse_raises_nothing_but_bad_request(sample: Sample, body: bytes) -> None:
    received = parsed(sample, sample.request(body))
    if received is not None:
        storable(received)


def storable_json(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, dict):
        return {str(k): storable_json(v) for k, v in value.items()}
    if isinstance(value, list):
        return [storable_json(v) for v in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < 2**63 else str(value)
    return value


@every_channel
@given(data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_an_authentic_but_odd_message_harms_nothing(sample: Sample, data: st.DataObject) -> None:
    if sample.form != "json":
        return
    value = orjson.loads(sample.body)
    for _ in range(data.draw(st.integers(1, 3))):
        place, name = data.draw(st.sampled_from(list(places(value))))
        place[name] = storable_json(data.draw(JSON))
    received = parsed(sample, sample.request(orjson.dumps(value)))
    if received is not None:
        storable(received)


def places(value: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401 - any JSON
    """Every member within a JSON value: its container and its name."""
    names = list(value) if isinstance(value, dict) else range(len(value))
    for name in names:
        yield value, name
        if isinstance(value[name], dict | list):
            yield from places(value[name])


@every_channel
@pytest.mark.parametrize(
    ("odd", "read"),
    [
        (rb"a\ud83d b", "a\ufffd b"),
        (rb"a\u0000b", "a\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
        (rb"\ud83d\ude00 \u4f60\u597d", "😀 你好"),
    ],
)
def test_odd_text_is_repaired_and_not_lost(sample: Sample, odd: bytes, read: str) -> None:
    words = b"Where is my parcel?"
    if sample.form == "xml":
        odd, read = b"a\x00b\xff", "ab\ufffd"
    if sample.form == "form":
        odd, words, read = b"a%00b%FF", b"Where+is+my+parcel%3F", "a\ufffdb\ufffd"
    (message,) = sample.channel().parse(sample.request(sample.body.replace(words, odd))).messages
    assert message.text == read


MESSAGES = st.builds(
    BotMessage,
    text=TEXT | TEXT.map(lambda text: text * 300),
    buttons=st.lists(st.builds(Button, title=TEXT, payload=TEXT), max_size=30).map(tuple),
    image=st.sampled_from(
        ["", "https://i.example/a.png", "a.png", "https://i.example/" + "a" * 9000]
    ),
    attachment=st.none() | JSON.map(storable_json),
    custom=st.none()
    | st.dictionaries(st.sampled_from(["slack", "line", "x"]), JSON.map(storable_json), max_size=2),
)


@every_channel
@given(messages=st.lists(MESSAGES, max_size=3))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_pieces_are_json_and_within_the_limit(sample: Sample, messages: list[BotMessage]) -> None:
    unit = {
        "characters": split.characters,
        "utf8": split.utf8,
        "utf16": split.utf16,
        "sms_segments": split.sms_segments,
    }[sample.unit]
    channel = sample.channel()
    plain = [dataclasses.replace(message, custom=None) for message in messages]
    address = {"to": "a", "from": "b", "recipient_id": "u1"}
    pieces = channel.render(plain, address)
    orjson.dumps(pieces)
    for text in texts(pieces) if sample.limit else ():
        assert unit(text) <= sample.limit
        assert text.strip()
    channel.render(messages, address)


def texts(value: object) -> Iterator[str]:
    """What a visitor reads in pieces: every string under "text" or "body"."""
    if isinstance(value, list):
        for part in value:
            yield from texts(part)
    if isinstance(value, dict):
        for name, part in value.items():
            if isinstance(part, str) and name in ("text", "body", "content"):
                yield part
            else:
                yield from texts(part)


@every_channel
def test_nothing_to_say_is_no_piece(sample: Sample) -> None:
    assert sample.channel().render([], {}) == []
    assert sample.channel().render([BotMessage()], {}) == []


@every_channel
def test_secrets_are_not_shown(sample: Sample) -> None:
    public = {"url", "app_id", "app_key", "corp_id"}
    secrets = {v for n, v in sample.settings.items() if n not in public and isinstance(v, str)}
    kind = catalogue.module_of(sample.kind).Settings
    shown = repr(kind.model_validate(sample.settings)) + repr(sample.channel())
    assert [secret for secret in secrets if secret in shown and not secret.startswith("AC")] == []

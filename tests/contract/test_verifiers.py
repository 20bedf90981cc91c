"""Our verifiers against those of the vendors' own libraries, on thousands of mutated requests.

Both must accept the same ones, and ours never raises. Where a library raises on hostile input that
counts as a refusal. Ours is stricter in a few spellings, which `written_as_specified` lists.
"""

from __future__ import annotations

import base64
import dataclasses
import random
import time
import urllib.parse
from collections.abc import Callable

import pytest
from linebot.v3.webhook import SignatureValidator
from multidict import CIMultiDict, MultiDict
from pywa import utils as pywa
from slack_sdk.signature import Clock, SignatureVerifier
from standardwebhooks import Webhook
from twilio.request_validator import RequestValidator, get_signature_algorithm

from bot import errors
from bot.channels.channel import Request
from tests.contract.samples import SAMPLES, WEBHOOK_SECRET, Sample

REQUESTS = 5000
BY_KIND = {sample.kind: sample for sample in SAMPLES}
Oracle = Callable[[Request], bool]


class At(Clock):
    """Slack's clock at the moment of a request."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def now(self) -> float:
        return self.moment


def slack(request: Request) -> bool:
    verifier = SignatureVerifier("slack-secret", At(request.received_at))
    return verifier.is_valid_request(request.body, dict(request.headers))


def meta(request: Request) -> bool:
    given = request.headers["X-Hub-Signature-256"]
    return bool(pywa.webhook_updates_validator("app-secret", request.body, given))


def line(request: Request) -> bool:
    given = request.headers["X-Line-Signature"]
    return bool(SignatureValidator("line-secret").validate(request.body.decode(), given))


def twilio(request: Request) -> bool:
    pairs = urllib.parse.parse_qsl(request.body.decode(), keep_blank_values=True)
    given = request.headers["X-Twilio-Signature"]
    settings = request.headers.get("X-Twilio-Webhooks-Signature-Settings")
    algorithm = get_signature_algorithm(settings)
    validator = RequestValidator("twilio-token")
    return bool(validator.validate(request.url, MultiDict(pairs), given, algorithm))


def webhook(request: Request) -> bool:
    verifier = Webhook(WEBHOOK_SECRET)
    verifier.verify(request.body, dict(request.headers), json_parse=False)
    return True


ORACLES: dict[str, Oracle] = {
    "slack": slack,
    "messenger": meta,
    "whatsapp": meta,
    "line": line,
    "twilio": twilio,
    "webhook": webhook,
}


def accepted_by(oracle: Oracle, request: Request) -> bool:
    try:
        return oracle(request)
    except Exception:
        return False


def written_as_specified(kind: str, request: Request) -> bool:
    """Whether a request has the spelling of the specification, on which ours insists."""
    headers = request.headers
    if kind == "slack":  # Python's int() also takes "+1", " 1" and "1_0"
        return headers.get("X-Slack-Request-Timestamp", "").isdecimal()
    if kind in ("messenger", "whatsapp"):  # the library takes the digits without it
        return headers.get("X-Hub-Signature-256", "").startswith("sha256=")
    if kind == "webhook":  # the library takes fractions, and base64 with rubbish within
        parts = headers.get("webhook-signature", "").split(" ")
        stamp = headers.get("webhook-timestamp", "")
        ours = [part.partition(",")[2] for part in parts if part.startswith("v1,")]
        listed = all(part.count(",") == 1 for part in parts)
        return stamp.isdecimal() and listed and all(map(is_canonical, ours))
    return True


def is_canonical(encoded: str) -> bool:
    try:
        return base64.b64encode(base64.b64decode(encoded)).decode() == encoded
    except ValueError:
        return False


def mutated(sample: Sample, chance: random.Random, now: float) -> Request:
    """An authentic request with up to three changes, some of them signed again."""
    body = bytearray(sample.body)
    for _ in range(chance.randrange(3)):  # before it is signed: still authentic
        body[chance.randrange(len(body))] = chance.choice(b'abc019=&% "{}[]')
    age = chance.choice([0, 0, 0, 1, 290, 310, -290, -310, 10**6, -(10**6)])
    request = dataclasses.replace(sample.request(bytes(body), now=now - age), received_at=now)
    for _ in range(chance.choice([0, 0, 1, 1, 2, 3])):
        request = changed(request, chance)
    return request


def changed(request: Request, chance: random.Random) -> Request:
    """One change of what was signed already."""
    headers, body = CIMultiDict(request.headers), bytearray(request.body)
    name = chance.choice(list(headers)) if headers else "X"
    value = headers.get(name, "")
    kind = chance.randrange(12)
    if kind == 0:
        body[chance.randrange(len(body)) if body else 0 :] = b""
    elif kind == 1:
        body += bytes([chance.randrange(256)])
    elif kind == 2 and body:
        body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    elif kind == 3:
        headers.pop(name, None)
    elif kind == 4 and value:
        place = chance.randrange(len(value))
        letter = chance.choice("abcdef0123456789=,+/. é\udcff\x00")
        headers[name] = value[:place] + letter + value[place + 1 :]
    elif kind == 5:
        headers[name] = chance.choice(["", " ", "é", "v1,", "sha256=", "v0=", "x" * 5000, "\ud800"])
    elif kind == 6:
        headers[name] = value.swapcase()
    elif kind == 7:
        headers[name] = f"{value}{chance.choice([' ', ', ', ','])}{value}"
    elif kind == 8:
        headers[name] = chance.choice([" ", "\t", "+"]) + value
    elif kind == 9:
        headers = CIMultiDict({key.upper(): text for key, text in headers.items()})
    elif kind == 10:
        settings = ["algorithm=HMAC_SHA256", "algorithm=hmac_sha1", "key=1", "algorithm=x", ",=,"]
        headers["X-Twilio-Webhooks-Signature-Settings"] = chance.choice(settings)
    else:
        ends = [":443/", "/?", "/#f", ":8443/", ":x/", "/"]
        url = request.url.replace(".example/", ".example" + chance.choice(ends), 1)
        request = dataclasses.replace(request, url=url)
    return dataclasses.replace(request, headers=headers, body=bytes(body))


@pytest.mark.parametrize("kind", ORACLES)
def test_ours_accepts_what_the_vendors_library_accepts(kind: str) -> None:
    sample, chance = BY_KIND[kind], random.Random(f"verifiers {kind}")  # noqa: S311
    channel, accepted, different = sample.channel(), 0, []
    for _ in range(REQUESTS):
        request = mutated(sample, chance, time.time())
        try:
            channel.verify(request)
            ours = True
        except errors.Forged:
            ours = False
        theirs = accepted_by(ORACLES[kind], request)
        if ours != (theirs and written_as_specified(kind, request)):
            different.append((ours, theirs, request))
        accepted += ours
    assert different == []
    assert REQUESTS * 0.1 < accepted < REQUESTS * 0.9

"""Tokens as Microsoft signs them, with a key of the tests' own and the JWKS that shows it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from bot.channels.channel import Request
from tests.unit.bot.channels.vendor import NOW, request

APP_ID = "11111111-2222-3333-4444-555555555555"
SERVICE = "https://smba.trafficmanager.net/teams/"
ISSUER = "https://api.botframework.com"


@functools.cache
def private_key(kid: str = "k1") -> rsa.RSAPrivateKey:
    """One key for each `kid`, made once."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwks(*kids: str, endorsements: tuple[str, ...] = ("msteams",)) -> dict[str, Any]:
    """The document that shows the public halves."""
    keys = []
    for kid in kids or ("k1",):
        described = RSAAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True)
        more = {"kid": kid, "use": "sig", "alg": "RS256", "endorsements": list(endorsements)}
        keys.append({**described, **more})
    return {"keys": keys}


def claims(at: float = NOW, **values: Any) -> dict[str, Any]:
    """What a token says; None leaves a claim out."""
    said = {
        "iss": ISSUER,
        "aud": APP_ID,
        "nbf": int(at) - 10,
        "exp": int(at) + 3600,
        "serviceurl": SERVICE,
    }
    return {name: value for name, value in (said | values).items() if value is not None}


def token(said: Mapping[str, Any] | None = None, kid: str = "k1") -> str:
    return jwt.encode(
        dict(claims() if said is None else said),
        private_key(kid),
        algorithm="RS256",
        headers={"kid": kid},
    )


def activity(**values: Any) -> dict[str, Any]:
    said = {
        "type": "message",
        "id": "1485983408511",
        "text": "hello",
        "channelId": "msteams",
        "from": {"id": "29:person", "aadObjectId": "a1"},
        "recipient": {"id": "28:bot", "name": "Bot"},
        "conversation": {"conversationType": "personal", "tenantId": "t1", "id": "a:conv1"},
        "serviceUrl": SERVICE,
        "textFormat": "plain",
        "locale": "en-US",
    }
    return said | values


def bearing(bearer: str, body: bytes | None = None, *, now: float = NOW) -> Request:
    content = orjson.dumps(activity()) if body is None else body
    return request(content, {"Authorization": f"Bearer {bearer}"}, now=now)

"""The HTTP API that WeChat and WeCom share: a token in the query, the verdict as `errcode`.

A 200 says nothing: `errcode` does. An expired token is renewed and the call repeated, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

from bot.channels import outbound
from bot.channels.abilities import Finding
from bot.channels.access_token import AccessToken, Fetch
from bot.channels.channel import SendError

EXPIRED = frozenset({40001, 40014, 42001})
# Of no use to repeat: no such person, too long, window of 48 hours closed, its messages used up,
# no such account, the session is with a person.
REFUSED = frozenset(
    {40003, 40058, 43004, 45002, 45015, 45047, 60111, 81013, 95000, 95001, 95002, 95018}
)
LIMITED_S = {45009: 60.0, 45011: 60.0, 45033: 5.0, 95007: 60.0}  # wait at least so long
HINTS = {
    40013: "Check the app id.",
    40125: "Check the app secret; it is shown once and can be made anew.",
    40164: "Add this server's public IP address to the IP white list at the vendor.",
    60020: "Add this server's public IP address to the app's trusted IP addresses.",
    48001: "The account has no right to the customer-service API; verified accounts have.",
    45015: "The visitor wrote more than 48 hours ago.",
    45047: "More messages than allowed since the visitor wrote.",
    95001: "More messages than allowed since the visitor wrote.",
    95002: "The visitor wrote more than 48 hours ago.",
    95018: "The session is with a person or has ended.",
}


class Refused(SendError):
    """The vendor answered with an errcode other than 0."""


class Api:
    """One account's access to the API."""

    def __init__(self, base: str, fetch: Fetch) -> None:
        """Keep where to call and how to get a token.

        Args:
            base: as in "https://api.weixin.qq.com", without a slash at the end.
            fetch: gets a new access token.
        """
        self._base = base
        self.token = AccessToken(fetch)

    async def post(
        self, http: aiohttp.ClientSession, path: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Call `path` with `body` as JSON; the answer with errcode 0.

        Raises:
            Refused: another errcode, or none.
        SendError: nobody answered.
        """
        token = await self.token.get(http)
        answer = await self._once(http, path, body, token)
        if code_of(answer) in EXPIRED:
            self.token.refused(token)
            answer = await self._once(http, path, body, await self.token.get(http))
        judge(answer)
        return answer

    async def _once(
        self, http: aiohttp.ClientSession, path: str, body: Mapping[str, Any], token: str
    ) -> dict[str, Any]:
        url = f"{self._base}{path}?access_token={token}"
        answer = await outbound.call(http, "POST", url, json=body)
        answer.expect_success()
        return answer.json()


def corp_token(base: str, corp_id: str, secret: str) -> Fetch:
    """Gets tokens of a WeCom app or of WeChat customer service."""

    async def fetch(http: aiohttp.ClientSession) -> tuple[str, float]:
        url = URL(f"{base}/cgi-bin/gettoken").with_query(corpid=corp_id, corpsecret=secret)
        answer = await outbound.call(http, "GET", url)
        answer.expect_success()
        return token_of(answer.json())

    return fetch


async def check_token(token: AccessToken, http: aiohttp.ClientSession, page: str) -> list[Finding]:
    """Whether the vendor gives a token, for `frontdesk channel check`.

    Args:
        token: to fetch.
        http: to fetch it with.
        page: of the documentation, named when it does not.
    """
    try:
        await token.get(http)
    except SendError as problem:
        return [Finding(ok=False, what=f"No access token: {problem}", hint=f"See {page}.")]
    return [Finding(ok=True, what="The vendor gave an access token: id and secret are right.")]


def code_of(answer: Mapping[str, Any]) -> int | None:
    """The errcode; None when there is none, which is no success either."""
    code = answer.get("errcode")
    return code if isinstance(code, int) else None


def judge(answer: Mapping[str, Any]) -> None:
    """Raise unless the errcode is 0.

    Raises:
        Refused: with the code and what it means; `errmsg` is left out, it may quote anything.
    """
    code = code_of(answer)
    if code == 0:
        return
    if code is None:
        raise Refused("the answer has no errcode")
    raise Refused(
        f"errcode {code}. {HINTS.get(code, '')}".strip(),
        permanent=code in REFUSED,
        retry_after_s=LIMITED_S.get(code),
    )


def token_of(answer: Mapping[str, Any]) -> tuple[str, float]:
    """Access token and its life in seconds.

    Raises:
        SendError: there is none.
    """
    token, life_s = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or not isinstance(life_s, int):
        code = code_of(answer) or "missing"
        hint = HINTS.get(code, "") if isinstance(code, int) else ""
        raise SendError(f"errcode {code} for a token. {hint}".strip())
    return token, float(life_s)

"""Lines of `frontdesk channel check` that channels have in common."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp
from yarl import URL

from bot.channels import outbound
from bot.channels.abilities import Finding
from bot.channels.channel import SendError
from bot.channels.outbound import Answer

TIMEOUT_S = 10.0
NOBODY = frozenset({404, 502, 503, 504})


async def ask(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    *,
    json: Mapping[str, str] | None = None,
) -> Answer | Finding:
    """What a vendor says, or the line that says that it cannot be reached."""
    try:
        return await outbound.call(
            http, method, url, json=json, headers=headers, timeout_s=TIMEOUT_S
        )
    except SendError as cause:
        return Finding(
            ok=False,
            what=f"The vendor was not reached: {cause}.",
            hint="Is this machine allowed to reach the internet, and is the API's address right?",
        )


async def receiver(http: aiohttp.ClientSession, url: str) -> Finding:
    """Whether somebody answers where replies are posted; asks with HEAD, which says nothing."""
    place = str(URL(url).origin())  # the rest may hold a token
    try:
        answer = await outbound.call(http, "HEAD", url, timeout_s=TIMEOUT_S)
    except SendError as cause:
        hint = "Start the receiver; check `url`, DNS and the firewall."
        return Finding(ok=False, what=f"{place}, where replies go: {cause}.", hint=hint)
    if answer.status in NOBODY:
        hint = "Check `url`: the proxy there has nobody to pass it on to, or not at this path."
        said = f"{place}, where replies go, answers HTTP {answer.status}."
        return Finding(ok=False, what=said, hint=hint)
    return Finding(ok=True, what=f"{place}, where replies go, answers.")


def same_url(found: str, wanted: str, *, where: str) -> Finding:
    """Whether the vendor calls us where we are."""
    if found == wanted:
        return Finding(ok=True, what=f"The vendor calls {wanted}.")
    told = found or "no address at all"
    return Finding(
        ok=False, what=f"The vendor calls {told}, not {wanted}.", hint=f"Set it {where}."
    )

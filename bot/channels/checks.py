"""Lines of `frontdesk channel check` that channels have in common."""

from __future__ import annotations

from collections.abc import Mapping

import aiohttp

from bot.channels import outbound
from bot.channels.abilities import Finding
from bot.channels.channel import SendError
from bot.channels.outbound import Answer

TIMEOUT_S = 10.0


async def ask(
    http: aiohttp.ClientSession,
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
) -> Answer | Finding:
    """What a vendor says, or the line that says that it cannot be reached."""
    try:
        return await outbound.call(http, method, url, headers=headers, timeout_s=TIMEOUT_S)
    except SendError as cause:
        return Finding(
            ok=False,
            what=f"The vendor was not reached: {cause}.",
            hint="Is this machine allowed to reach the internet, and is the API's address right?",
        )


def same_url(found: str, wanted: str, *, where: str) -> Finding:
    """Whether the vendor calls us where we are."""
    if found == wanted:
        return Finding(ok=True, what=f"The vendor calls {wanted}.")
    told = found or "no address at all"
    return Finding(
        ok=False, what=f"The vendor calls {told}, not {wanted}.", hint=f"Set it {where}."
    )

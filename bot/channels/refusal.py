"""What a vendor's refusal means: a `SendError` with the vendor's code, and no address or secret."""

from __future__ import annotations

import re

from bot.channels.channel import SendError
from bot.channels.outbound import Answer

_TEMPORARY = {401, 403, 408, 409, 423, 425, 429}  # 401 and 403: somebody may mend the token
_UNPRINTABLE = re.compile(r"[^\w .,:;()'/#-]+")
_LONGEST = 120  # characters of the vendor's word


def succeeded(answer: Answer) -> bool:
    """Whether the status is 2xx; some vendors tell failures in the body nevertheless."""
    return 200 <= answer.status < 300


def refusal(
    answer: Answer,
    code: object = "",
    *,
    permanent: bool | None = None,
    retry_after_s: float | None = None,
) -> SendError:
    """The error for an answer that is not a yes.

    Args:
        answer: its status and `Retry-After` are told.
        code: the vendor's own word; none that may name a person.
        permanent: what the code says of trying again; by the status if None.
        retry_after_s: if it stands elsewhere than in the header.
    """
    word = _UNPRINTABLE.sub(" ", str(code))[:_LONGEST].strip()
    if permanent is None:
        permanent = 300 <= answer.status < 500 and answer.status not in _TEMPORARY
    return SendError(
        f"HTTP {answer.status}, {word}" if word else f"HTTP {answer.status}",
        permanent=permanent,
        retry_after_s=answer.retry_after_s if retry_after_s is None else retry_after_s,
    )

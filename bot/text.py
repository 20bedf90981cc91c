"""Cleans incoming text and tells its language; after the gateway there is only clean text."""

from __future__ import annotations

import re
import unicodedata

from bot import errors
from bot.domain import Language

# Control characters but tab and newline, lone surrogates, non-characters, and the invisible
# direction marks that reorder what a person reads.
_UNWANTED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff\u202a-\u202e\u2066-\u2069]"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f]")
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")
# Addresses and numbers are the same in every language: "a.b@c.cn", "https://...", "WS10000101".
_NO_WORD = re.compile(r"https?://[!-~]+|[!-~]+@[!-~]+|(?=[!-~]*\d)[A-Za-z0-9-]+")


def clean(raw: str, *, max_chars: int) -> str:
    """`raw` as NFC, without control characters and lone surrogates, trimmed.

    Raises:
        errors.BadText: nothing is left, or more than `max_chars` characters are.
    """
    if len(raw) > 4 * max_chars:  # do not normalise a book only to refuse it
        raise _too_long(len(raw), max_chars)
    text = unicodedata.normalize("NFC", _UNWANTED.sub("", raw.replace("\r\n", "\n"))).strip()
    if not text:
        raise errors.BadText("The message is empty.", hint="Send at least one readable character.")
    if len(text) > max_chars:
        raise _too_long(len(text), max_chars)
    return text


def language_of(text: str, *, otherwise: Language = Language.EN) -> Language:
    """Chinese if it has at least as many Han characters as Latin words; `otherwise` if neither.

    Web and e-mail addresses and numbers with letters count as neither.
    """
    han, latin = len(_HAN.findall(text)), len(_LATIN_WORD.findall(_NO_WORD.sub(" ", text)))
    if not han and not latin:
        return otherwise
    return Language.ZH if han >= latin else Language.EN


def _too_long(length: int, max_chars: int) -> errors.BadText:
    return errors.BadText(
        f"The message has {length} characters, at most {max_chars} are allowed.",
        hint="Shorten it or send it in parts.",
    )

"""E-mail addresses (checked by email-validator) and phone numbers (by phonenumbers)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from classifier.entities.entity import Entity
from classifier.entities.ready import folding

EMAIL, PHONE = "email", "phone-number"

# ASCII only: in running Chinese text nothing else says where an address begins.
_EMAIL = re.compile(
    r"(?<![\w.+-])[a-z0-9][a-z0-9._%+'-]{0,63}@(?:[a-z0-9-]{1,63}\.)+[a-z]{2,24}(?![a-z0-9-])",
    re.IGNORECASE | re.ASCII,
)


def emails(text: str) -> Iterator[Entity]:
    """Addresses in `text`; the value has its domain in small letters."""
    import email_validator  # noqa: PLC0415 - loaded when it is needed

    for match in _EMAIL.finditer(folding.narrow(text)):
        try:
            checked = email_validator.validate_email(
                match[0], check_deliverability=False, globally_deliverable=False
            )
        except email_validator.EmailNotValidError:
            continue
        yield Entity(entity=EMAIL, value=checked.normalized, start=match.start(), end=match.end())


def phones(text: str, regions: Sequence[str]) -> Iterator[Entity]:
    """Numbers with a country code, and those that one of `regions` ("CN", "DE") dials at home.

    The value is the number in E.164, `+8613812345678`.
    """
    import phonenumbers  # noqa: PLC0415 - loaded when it is needed

    taken: list[tuple[int, int]] = []
    for region in (None, *regions):
        for match in phonenumbers.PhoneNumberMatcher(folding.narrow(text), region):
            if any(match.start < end and start < match.end for start, end in taken):
                continue
            taken.append((match.start, match.end))
            yield Entity(
                entity=PHONE,
                value=phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164),
                start=match.start,
                end=match.end,
                details={"region": phonenumbers.region_code_for_number(match.number)},
            )

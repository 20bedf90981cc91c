"""What a visitor's free words are: a question, a remark, a number, an address."""

from __future__ import annotations

import re

# Intents that steer the conversation: words of theirs never fill a slot.
_STEERING = frozenset(
    {"ask_order_status", "correct_details", "human_please", "stop_form", "update_address"}
)
# Of these only short words steer: "not what I expected" is a reason, whatever it is taken for.
_SHORT_STEERING = frozenset(
    {
        "affirm",
        "bot_challenge",
        "compliment",
        "deny",
        "goodbye",
        "greet",
        "how_are_you",
        "thanks",
    }
)
SHORT = 3  # words
SHORT_CHINESE = 4  # characters
_HAN = re.compile("[\u4e00-\u9fff]")
_QUESTION = re.compile(
    r"[?？]|^(?:what|how|when|where|who|which|why)\b"
    r"|^(?:can|could|do|does|did|is|are|will|would|may|should)"
    r" (?:i|you|it|the|we|they|that|this|there|my|your)\b"
    r"|^(?:but |wait|hold on|hang on|one moment|before that|by the way|等一下|等等|先问一下|顺便)"
    r"|吗|呢$|怎么|怎樣|怎样|多久|多少|什么|什麼|哪|能不能|可不可以|是不是|有没有|如何|嗎|几天",
    re.IGNORECASE,
)
_STREET = re.compile(
    r"[省市区县镇村].*[路街道弄巷号]|[路街道弄巷]\s*\d+\s*号"
    r"|\d.*\b(?:street|st|road|rd|lane|avenue|ave|close|way|drive|square|row|view|place)\b"
    r"|\b(?:rue|via|calle|rua) \w|\w(?:strasse|straße|weg|platz|gasse) \d",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:(?<![a-z])ws[ -]?|[a-z]{0,4}-?)\d[\d -]*", re.IGNORECASE)
_PLACE = re.compile(r"[路街巷弄道村镇区号室栋楼]|\d")
_LEAD = re.compile(
    r"^(?:(?:please )?(?:send|ship|deliver) it to|to|it should go to|the (?:new )?address is"
    r"|(?:my )?new address(?: is)?|make (?:that|it)"
    r"|寄到|送到|改成|改到|新?地址是|新地址|请寄到|请送到)"
    r"[\s:：,，]*",
    re.IGNORECASE,
)
_WIDE = {code + 0xFEE0: code for code in range(0x21, 0x7F)}
_FORM = re.compile(r"WS\d{8}")


def steers(text: str, intent: str | None) -> bool:
    """Whether `text`, understood as `intent`, is about the conversation and fills no slot."""
    if intent in _SHORT_STEERING:
        chinese = len(_HAN.findall(text))
        return chinese <= SHORT_CHINESE if chinese else len(text.split()) <= SHORT
    return intent in _STEERING


def is_question(text: str) -> bool:
    """Whether somebody asks, rather than answers."""
    return _QUESTION.search(text.strip()) is not None


def number_in(text: str) -> str | None:
    """The piece of `text` that is most like an order number: the one with most digits."""
    found = [match[0].strip() for match in _NUMBER.finditer(text.translate(_WIDE))]
    long = [piece for piece in found if _digits(piece) >= 3 or piece.lower().startswith("ws")]
    return max(long, key=_digits, default=None)


def _digits(piece: str) -> int:
    return sum(char.isdigit() for char in piece)


def order_number(text: str) -> str | None:
    """`text` as this shop writes order numbers, "WS12345678"; None if it is not one."""
    plain = re.sub(r"[\s-]", "", text.translate(_WIDE)).upper()
    plain = f"WS{plain}" if re.fullmatch(r"\d{8}", plain) else plain
    return plain if _FORM.fullmatch(plain) else None


def address_in(text: str) -> str | None:
    """`text` without the words that lead to an address; None if it names no place."""
    plain = _LEAD.sub("", text.strip()).strip(" .。!！")
    return plain if len(plain) >= 6 and _PLACE.search(plain) else None


def is_street(text: str) -> bool:
    """Whether `text` is an address beyond doubt, so that it needs no question before it."""
    return _STREET.search(text) is not None and not is_question(text)

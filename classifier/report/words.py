"""Words in both languages: sentences with names in them, and the names of facts and sources."""

from __future__ import annotations

import math
import re
import unicodedata
from typing import NamedTuple

from classifier.report.evidence import Text


class Said(NamedTuple):
    """A sentence in English and Chinese; `{0}` stands for the first of `names`, and so on.

    Names are what came from outside (labels), so that whoever writes the sentence out can set them
    apart and escape them. Without names, braces mean themselves.
    """

    en: str
    zh: str
    names: tuple[str, ...] = ()


FACTS = {
    "method": "训练方法",
    "encoder": "编码器",
    "examples": "例句",
    "training examples": "训练例句",
    "intents": "意图数",
    "classes": "类别数",
    "languages": "语言",
    "trained parameters": "训练的参数",
    "parameters": "参数",
    "size": "大小",
    "model size": "模型大小",
    "training time": "训练用时",
    "latency": "延迟",
    "seed": "随机种子",
    "data": "数据",
    "data hash": "数据哈希",
    "device": "设备",
    "temperature": "校准温度",
    "precision": "数值精度",
    "versions": "软件版本",
    "version": "版本",
    "created": "创建时间",
    "created at": "创建时间",
    "command": "命令",
    "model": "模型",
    "revision": "代码版本",
    "license": "许可",
}
"""Chinese names of facts; others are shown as they are."""

LANGUAGES = {
    "en": Said("English", "英文"),
    "zh": Said("Chinese", "中文"),
    "mixed": Said("both in one sentence", "中英混合"),
    "other": Said("other", "其他"),
}

_SOURCES = (
    (re.compile(r"(\d+)-fold cross-validation"), r"\1 折交叉验证"),
    (re.compile(r"an? held-out tenth"), "留出的十分之一例句"),
    (re.compile(r"an? held-out fifth"), "留出的五分之一例句"),
    (re.compile(r"an? held-out part"), "留出的例句"),
)


def said(text: Text) -> Said:
    """Words that came with the evidence."""
    return Said(text, text) if isinstance(text, str) else Said(*text)


def source(text: Text) -> Said:
    """How it was measured, in Chinese too where the phrase is known."""
    if not isinstance(text, str):
        return Said(*text)
    return Said(text, next((p.sub(zh, text) for p, zh in _SOURCES if p.fullmatch(text)), text))


def fact(name: str) -> Said:
    """The name of a fact."""
    return Said(name[:1].upper() + name[1:], FACTS.get(name.lower(), name))


def language(code: str) -> Said:
    """The name of a language code."""
    return LANGUAGES.get(code, Said(code, code))


def percent(share: float, digits: int = 1) -> str:
    """A share (0 to 1) as "94.1 %"."""
    return f"{share * 100:.{digits}f} %"


def of_hundred(share: float) -> tuple[int, int]:
    """A share as "94 of 100"; never rounded to all or none: 0.998 is 998 of 1000."""
    for whole in (100, 1000, 10_000):
        part = round(share * whole)
        if share in (0.0, 1.0) or 0 < part < whole:
            return part, whole
    return (math.floor(share * 10_000) or 1, 10_000)


def plain(text: str) -> str:
    """`text` on one line and without the control characters that HTML, XML and Markdown forbid."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in ("Cc", "Cs")).strip()


def width(text: str) -> int:
    """Columns that `text` takes: 2 for a Chinese character, 1 for others."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def shortened(text: str, columns: int) -> str:
    """`text` in at most `columns` columns, with an ellipsis if something was left out."""
    if width(text) <= columns:
        return text
    kept = ""
    for character in text:
        if width(kept + character) > columns - 1:
            break
        kept += character
    return kept + "…"

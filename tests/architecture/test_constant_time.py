"""S2: what proves something is never compared with == or !=: their time tells where it differs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    path
    for folder in ("bot/channels", "bot/web", "bot/gateway")
    for path in (ROOT / folder).rglob("*.py")
)
PROVES = re.compile(r"(^|_)(sig|signature|signatures|token|secret|secrets|digest|hmac|hash)s?$")
CONSTANTS = (ast.Constant,)


def name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def suspicious(comparison: ast.Compare) -> bool:
    """Whether two values are compared, neither written out, of which one proves something."""
    sides = [comparison.left, *comparison.comparators]
    equal = any(isinstance(one, ast.Eq | ast.NotEq) for one in comparison.ops)
    written = any(isinstance(side, CONSTANTS) for side in sides)
    return equal and not written and any(PROVES.search(name_of(side).lower()) for side in sides)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_secrets_are_compared_in_constant_time(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    wrong = [
        f"{path.name}:{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare) and suspicious(node)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("given == self.token", True),
        ("signature != expected", True),
        ("compare_digest(token, given)", False),
        ("token == ''", False),
        ("tokens_used == limit", False),
    ],
)
def test_the_rule_sees_what_it_should(code: str, bad: bool) -> None:
    found = [n for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Compare)]
    assert any(map(suspicious, found)) is bad

"""Every channel has a page that names all its settings, and none compares secrets carelessly."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.channels import catalogue
from tests.conftest import ROOT

MODULES = sorted((ROOT / "bot" / "channels").glob("*.py"))
SECRET = re.compile(r"(^|_)(sig|signature|token|hash|secret|digest|hmac|mac)s?$")


@pytest.mark.parametrize("kind", catalogue.TABLE)
def test_the_page_of_a_channel_names_its_settings_and_both_languages(kind: str) -> None:
    page = (ROOT / "docs" / "channels" / f"{kind}.md").read_text(encoding="utf-8")
    settings = catalogue.module_of(kind).Settings.model_fields
    assert [name for name in settings if f"`{name}`" not in page] == []
    assert "## 中文" in page


@pytest.mark.parametrize("kind", catalogue.TABLE)
def test_every_setting_of_a_channel_says_what_it_is(kind: str) -> None:
    settings = catalogue.module_of(kind).Settings.model_fields
    assert [name for name, field in settings.items() if not field.description] == []


def names_of(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    if isinstance(node, ast.Attribute):
        yield node.attr


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_secrets_are_compared_in_constant_time_only(path: Path) -> None:
    careless = [
        f"{path.name}:{node.lineno} {ast.unparse(node)}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and any(isinstance(operator, ast.Eq | ast.NotEq) for operator in node.ops)
        for side in (node.left, *node.comparators)
        for name in names_of(side)
        if SECRET.search(name)
    ]
    assert careless == []

"""The documents say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot import config
from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_every_setting_is_documented_and_nothing_else() -> None:
    page = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| `(\w+)` \| `(.*?)` \| (.*) \|$", page, re.MULTILINE)
    documented = {name: (variable, default, text) for name, variable, default, text in rows}
    assert set(documented) == set(config.names())
    for name, field in config.names().items():
        variable, default, text = documented[name]
        assert variable == config.ENV_PREFIX + name.upper().replace(".", "__")
        assert default == (str(field.default) or "(empty)")
        assert text == field.description


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    words = re.sub(
        r"```.*?```|`[^`\n]+`", "", document.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    for target in re.findall(r"\]\(([^)#]+)\)", words):  # what is code is no link
        if not target.startswith(("http:", "https:", "mailto:")):
            assert (document.parent / target).exists(), target


def test_the_architecture_names_files_that_exist() -> None:
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name in set(re.findall(r"\b((?:bot|classifier|retrieval)/[\w/]+\.py)\b", page)):
        assert (ROOT / name).is_file(), name

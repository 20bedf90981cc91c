"""Every channel has a page that names all its settings."""

from __future__ import annotations

import pytest

from bot.channels import catalogue
from tests.conftest import ROOT


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

"""credentials.yml: Rasa's names and keys become sections of our channels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bot import config
from bot.channels import catalogue
from bot.channels.channel import Request
from bot.errors import ConfigError
from bot.project import credentials
from bot.project.findings import Parity
from bot.project.project import examine
from bot.web import openings

KEY = b"k" * 32
WRITTEN: dict[str, dict[str, Any]] = {
    "botframework": {"app_id": "a", "app_password": "b"},
    "callback": {"url": "http://app.example/bot", "basic_auth": {"username": "u", "password": "p"}},
    "facebook": {"verify": "rasa-bot", "secret": "s", "page-access-token": "t"},
    "slack": {"slack_token": "xoxb-1", "slack_signing_secret": "s"},
    "socketio": {"user_message_evt": "said", "session_persistence": True},
    "telegram": {"access_token": "1:a", "verify": "my_bot", "webhook_url": "https://a/b"},
    "twilio": {"account_sid": "AC" + "0" * 32, "auth_token": "t", "twilio_number": "+1"},
}


def settings(project: Path, **sections: Any) -> config.Settings:
    return config.load(project=project, data=project / "var", **sections)


def write(folder: Path, text: str) -> None:
    (folder / "credentials.yml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_channel_of_rasa_opens_under_its_own_name(name: str) -> None:
    (section,) = credentials.sections({"rest": None, "rasa": {"url": "x"}, name: WRITTEN[name]})
    assert (section.name, section.problem) == (name, "")
    assert section.settings["kind"] == credentials.KINDS[name]
    derived = credentials.derived(section, KEY, ("https://shop.example",))
    assert catalogue.open_one(name, {**derived, **section.settings}).name == name


def test_values_stand_under_our_names() -> None:
    found = {one.name: one.settings for one in credentials.sections(WRITTEN)}
    assert found["facebook"] == {
        "kind": "messenger",
        "verify_token": "rasa-bot",
        "app_secret": "s",
        "access_token": "t",
    }
    assert found["callback"]["user"] == "u"
    assert found["callback"]["open_to_all"] is True
    assert found["socketio"] == {
        "kind": "socketio",
        "user_message_evt": "said",
        "session_persistence": True,
    }
    assert found["telegram"]["username"] == "my_bot"


def test_keys_without_effect_are_told() -> None:
    written = {"slack": {**WRITTEN["slack"], "slack_channel": "#a", "tokn": "x"}}
    (section,) = credentials.sections(written)
    assert [key for key, _ in section.notes] == ["slack_channel", "tokn"]
    assert section.notes[1][1] == "it is not known"


def test_an_unset_variable_and_an_unknown_channel_are_problems() -> None:
    unset, unknown = credentials.sections(
        {"slack": {"slack_token": "${SLACK}"}, "my.own.Channel": {"a": 1}}
    )
    assert unset.problem == "the environment variable SLACK is not set."
    assert unknown.problem == "there is no such channel here."


def test_the_webhook_of_telegram_needs_a_real_address() -> None:
    (section,) = credentials.sections(
        {"telegram": {"access_token": "1:a", "webhook_url": "your_url.com/webhook"}}
    )
    assert "webhook_url" not in section.settings


def test_variables_of_the_environment_are_filled_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAGE_TOKEN", "from-outside")
    write(
        tmp_path,
        "facebook:\n  verify: my-own-word\n  secret: s\n  page-access-token: ${PAGE_TOKEN}\n",
    )
    found = openings.sections(settings(tmp_path), KEY)
    assert found["facebook"]["access_token"] == "from-outside"
    assert list(openings.opened(settings(tmp_path), KEY)) == ["facebook"]


def test_frontdesk_toml_adds_to_credentials_and_wins(tmp_path: Path) -> None:
    write(tmp_path, "callback:\n  url: http://a/b\n  token: t\n")
    added = settings(
        tmp_path,
        channels={"callback": {"url": "http://c/d", "incoming_token": "secret"}},
    )
    found = openings.sections(added, KEY)["callback"]
    assert (found["url"], found["token"], found["incoming_token"]) == ("http://c/d", "t", "secret")


def test_what_cannot_be_opened_does_not_stop_the_others(tmp_path: Path) -> None:
    write(
        tmp_path, "slack:\n  slack_token: x\ncallback:\n  url: http://a/b\nmattermost:\n  url: x\n"
    )
    assert list(openings.opened(settings(tmp_path), KEY)) == ["callback"]


def test_a_wrong_section_of_frontdesk_toml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="signing_secret"):
        openings.opened(settings(tmp_path, channels={"slack": {"bot_token": "x"}}), KEY)


def test_callers_of_rasas_callback_need_no_token_unless_one_is_set(tmp_path: Path) -> None:
    write(tmp_path, "callback:\n  url: http://a/b\n")
    request = Request(
        method="POST", url="http://x/", query={}, headers={}, body=b"{}", received_at=0.0
    )
    openings.opened(settings(tmp_path), KEY)["callback"].verify(request)


def test_the_report_tells_what_is_opened(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text('version: "3.1"\nintents: [a, b]\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    write(
        tmp_path,
        "rest:\ncallback: {url: http://a/b}\nsocketio:\n"
        "slack:\n  slack_token: x\n  slack_signing_secret: y\n"
        "  use_threads: true\nfacebook:\n  verify: ${WORD}\n",
    )
    _, findings = examine(tmp_path, {})
    told = [(one.parity, one.line, one.what) for one in findings.notes]
    assert (Parity.SAME, 2, "channel 'callback' is opened.") in told
    assert any(p is Parity.SAME and line == 3 and "'socketio'" in w for p, line, w in told)
    assert (Parity.SAME, 4, "channel 'slack' is opened.") in told
    assert any(p is Parity.DIFFERS and line == 4 and "use_threads" in w for p, line, w in told)
    assert any(p is Parity.UNSUPPORTED and line == 8 and "WORD" in w for p, line, w in told)


def test_an_unset_variable_of_endpoints_is_an_error_as_in_rasa(tmp_path: Path) -> None:
    (tmp_path / "domain.yml").write_text('version: "3.1"\nintents: [a, b]\n', encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / "endpoints.yml").write_text(
        "nlg:\n  url: http://x\naction_endpoint:\n  url: ${ACTIONS}/webhook\n", encoding="utf-8"
    )
    _, findings = examine(tmp_path, {})
    assert [(e.path, e.line) for e in findings.errors] == [("endpoints.yml", 3)]
    assert "ACTIONS" in str(findings.errors[0])
    assert examine(tmp_path, {"ACTIONS": "http://a"})[1].errors == []

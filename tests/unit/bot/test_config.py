"""Settings: defaults, then the file, the environment, the command line; mistakes are explained."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot import config, errors


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, where `frontdesk.toml` is looked for."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / config.TOML_FILE).write_text(text, encoding="utf-8")


@pytest.mark.usefixtures("folder")
def test_without_anything_the_defaults_hold() -> None:
    settings = config.load()
    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 8080)
    assert settings.project == Path("knowledge")
    assert settings.database_url == "sqlite:///var/frontdesk.db"


def test_options_win_over_environment_over_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, 'log_level = "debug"\n[server]\nport = 1\nhost = "0.0.0.0"\n')
    assert config.load().server.port == 1
    monkeypatch.setenv("FRONTDESK_SERVER__PORT", "2")
    assert config.load().server.port == 2
    settings = config.load(server={"port": 3})
    assert settings.server.port == 3
    assert settings.server.host == "0.0.0.0"  # noqa: S104 - the file still gives the rest
    assert settings.log_level == "debug"


@pytest.mark.usefixtures("folder")
def test_options_that_are_none_count_as_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_DATA", "/srv/data")
    assert config.load(data=None).data == Path("/srv/data")


@pytest.mark.usefixtures("folder")
def test_words_of_the_environment_become_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_MODELS__FINETUNE", "false")
    monkeypatch.setenv("FRONTDESK_SERVER__ALLOWED_ORIGINS", '["https://shop.example"]')
    settings = config.load()
    assert settings.models.finetune is False
    assert settings.server.allowed_origins == ("https://shop.example",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[server]\nprot = 1\n", "Unknown setting 'server.prot': did you mean 'server.port'?"),
        ("projekt = 'x'\n", "Unknown setting 'projekt': did you mean 'project'?"),
        ("zzz = 1\n", "Unknown setting 'zzz': see docs/configuration.md."),
        ("[server]\nport = 70000\n", "Setting server.port = 70000: .*65535.*TCP port"),
        ("[server]\nport = 'x'\n", "Setting server.port = 'x': .*integer"),
        ("[policy]\nanswer = 1.5\n", r"Setting policy.answer = 1.5: .*less than or equal to 1"),
        ("log_level = 'loud'\n", "Setting log_level = 'loud': .*debug, info, warning or error"),
        ("[models]\nfinetune = 'perhaps'\n", "Setting models.finetune = 'perhaps'"),
        ("[server\n", r"frontdesk\.toml: .* Check its TOML syntax"),
        ("server = 3\n", "Setting server = 3"),
    ],
)
def test_a_mistake_in_the_file_is_explained(folder: Path, text: str, message: str) -> None:
    write(folder, text)
    with pytest.raises(errors.ConfigError, match=message):
        config.load()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("FRONTDESK_SERVER__PROT", "Did you mean FRONTDESK_SERVER__PORT?"),
        ("FRONTDESK_PORT", "Unknown environment variable FRONTDESK_PORT"),
        ("FRONTDESK_QQQ", "See docs/configuration.md"),
    ],
)
def test_an_unknown_variable_is_an_error(
    monkeypatch: pytest.MonkeyPatch, variable: str, message: str
) -> None:
    monkeypatch.setenv(variable, "1")
    with pytest.raises(errors.ConfigError) as caught:
        config.load()
    assert message in str(caught.value)


@pytest.mark.usefixtures("folder")
def test_a_bad_value_of_the_environment_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_LIMITS__MAX_WAITING", "many")
    with pytest.raises(errors.ConfigError, match=r"limits\.max_waiting = 'many'"):
        config.load()
    monkeypatch.setenv("FRONTDESK_SERVER__ALLOWED_ORIGINS", "https://shop.example")
    with pytest.raises(errors.ConfigError, match=r"(?i)allowed_origins"):
        config.load()


def test_the_database_lies_in_the_data_folder_unless_named(folder: Path) -> None:
    assert config.load(data=folder).database_url == f"sqlite:///{folder}/frontdesk.db"
    assert config.load(database="sqlite:///x.db").database_url == "sqlite:///x.db"


def test_every_setting_has_a_default_and_a_help_text() -> None:
    for name, field in config.names().items():
        assert not field.is_required(), name
        assert field.description, name
        assert field.description.endswith("."), name

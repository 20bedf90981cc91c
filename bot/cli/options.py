"""Options that several commands share, and how they become settings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bot.config import Settings

Project = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        help="Project folder. 知识目录",
        show_default="knowledge",
        metavar="FOLDER",
    ),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        "-d",
        help="Folder of the database and the models. 数据目录",
        show_default="var",
        metavar="FOLDER",
    ),
]
Host = Annotated[
    str | None,
    typer.Option("--host", help="Address to listen on. 监听地址", show_default="127.0.0.1"),
]
Port = Annotated[
    int | None,
    typer.Option("--port", help="TCP port; 0 takes a free one. 端口", show_default="8080"),
]
Encoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="auto, minilm-en, multilingual-e5, a folder or a hub id. 编码器",
        show_default="auto",
    ),
]


def given(
    project: Path | None = None,
    data: Path | None = None,
    *,
    encoder: str | None = None,
    host: str | None = None,
    port: int | None = None,
) -> dict[str, Any]:
    """What was given on the command line, in the shape of the settings; the rest is left out."""
    groups: dict[str, dict[str, Any]] = {
        "models": {"encoder": encoder},
        "server": {"host": host, "port": port},
    }
    chosen: dict[str, Any] = {"project": project, "data": data}
    for name, values in groups.items():
        chosen[name] = {key: value for key, value in values.items() if value is not None}
    return {name: value for name, value in chosen.items() if value is not None and value != {}}


def settings(chosen: dict[str, Any]) -> Settings:
    """The settings with `chosen` on top, and logging set up: only warnings, unless debugging.

    Raises:
        errors.ConfigError: a setting is wrong.
    """
    from bot import config, log  # noqa: PLC0415 - not needed for --help, and slow

    loaded = config.load(**chosen)
    level = "warning" if loaded.log_level == "info" else loaded.log_level
    log.configure(level=level, log_format=loaded.log_format)
    return loaded

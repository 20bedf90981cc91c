"""The commands about channels, the outbox and signed webhooks; the work is done in `gatewaying`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.cli.options import Data, given, settings

channel_app = typer.Typer(no_args_is_help=True, help="List and check channels. 渠道。")
outbox_app = typer.Typer(no_args_is_help=True, help="See and resend what is to be sent. 发件箱。")
webhook_app = typer.Typer(no_args_is_help=True, help="Build the other side of webhooks. 签名回调。")
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs. 输出 JSON")]
Name = Annotated[str, typer.Argument(help="As in [channels.NAME] or [events.NAME]. 名称")]


@channel_app.command("list", help="Channels that are set up, and kinds that there are. 列出渠道。")
def list_channels(as_json: AsJson = False) -> None:
    """Channels that are set up, and kinds that there are."""
    from bot.cli import gatewaying  # noqa: PLC0415

    gatewaying.list_channels(settings(given()), as_json=as_json)


@channel_app.command("check", help="Credentials, public URL, signature: what works? 检查渠道。")
def check_channel(name: Name, as_json: AsJson = False) -> None:
    """Whether credentials, public URL and signature work, with the next step for each failure."""
    from bot.cli import gatewaying  # noqa: PLC0415

    raise typer.Exit(gatewaying.check_channel(settings(given()), name, as_json=as_json))


@outbox_app.command("list", help="Dead letters, newest first; or what waits. 列出未送达的内容。")
def list_outbox(
    waiting: Annotated[bool, typer.Option("--waiting", help="What waits instead. 待发送")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most. 最多")] = 50,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Dead letters, newest first; or what waits."""
    from bot.cli import gatewaying  # noqa: PLC0415

    gatewaying.list_outbox(settings(given(None, data)), waiting, limit, as_json=as_json)


@outbox_app.command("replay", help="Send dead letters again. 重新发送。")
def replay_outbox(
    keys: Annotated[list[str] | None, typer.Argument(help="Keys, as listed. 编号")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All, and messages that were given up. 全部")
    ] = False,
    data: Data = None,
) -> None:
    """Send dead letters again; a running server takes them up within a second."""
    from bot.cli import gatewaying  # noqa: PLC0415

    if bool(keys) == everything:
        raise typer.BadParameter("Name keys, or give --all. 请给出编号或 --all")
    gatewaying.replay(settings(given(None, data)), None if everything else keys)


@webhook_app.command("verify", help="Is this request signed by NAME's secret? 验证签名。")
def verify_webhook(
    name: Name,
    message_id: Annotated[str, typer.Option("--id", help="Header webhook-id.")],
    timestamp: Annotated[str, typer.Option("--timestamp", help="Header webhook-timestamp.")],
    signature: Annotated[str, typer.Option("--signature", help="Header webhook-signature.")],
    body: Annotated[Path, typer.Argument(help="File with the raw body. 原始正文", exists=True)],
) -> None:
    """Say whether a request proves itself, and if not, why."""
    from bot.cli import gatewaying  # noqa: PLC0415

    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }
    raise typer.Exit(gatewaying.verify(settings(given()), name, headers, body.read_bytes()))


@webhook_app.command("send", help="Send a signed sample to NAME's receiver. 发送签名样例。")
def send_webhook(
    name: Name,
    text: Annotated[str, typer.Option(help="Words of the sample. 内容")] = "Hello 你好",
    url: Annotated[str, typer.Option(help="Somewhere else than configured. 其他地址")] = "",
) -> None:
    """An event to the receiver [events.NAME]; or a message to this server's [channels.NAME]."""
    from bot.cli import gatewaying  # noqa: PLC0415

    raise typer.Exit(gatewaying.send(settings(given()), name, text, url))

"""The commands and their options; the work is done in modules that are imported on demand."""

from __future__ import annotations

import platform
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer

from bot.cli import classifier, gateway, retrieving
from bot.cli.options import Data, Encoder, Host, Port, Project, given, settings

app = typer.Typer(
    name="frontdesk",
    help="A customer-service bot that you run yourself. 自己部署的智能客服。",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(classifier.app, name="classifier")
app.add_typer(gateway.channel_app, name="channel")
app.add_typer(gateway.outbox_app, name="outbox")
app.add_typer(gateway.webhook_app, name="webhook")
app.add_typer(retrieving.app, name="retrieval")
importing = typer.Typer(help="Look at projects of other makers. 检查其他系统的项目。")
app.add_typer(importing, name="import")
Folder = Annotated[Path, typer.Argument(help="The Rasa project. Rasa 项目文件夹")]
Tested = Annotated[str, typer.Argument(help="A Rasa project, or nlu. Rasa 项目文件夹, 或 nlu")]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs. 输出 JSON")]


class Part(StrEnum):
    """Parts of the evaluation questions."""

    TEST = "test"
    DEV = "dev"
    FOLLOWUPS_TEST = "followups-test"
    FOLLOWUPS_DEV = "followups-dev"
    COMPOUNDS_TEST = "compounds-test"
    COMPOUNDS_DEV = "compounds-dev"


def _show_version(asked: bool) -> None:
    if asked:
        version()
        raise typer.Exit


@app.callback()
def _frontdesk(
    _version: Annotated[
        bool,
        typer.Option(
            "--version",
            "-V",
            callback=_show_version,
            is_eager=True,
            help="Show the version. 显示版本",
        ),
    ] = False,
) -> None:
    pass


@app.command(help="Serve the widget and the APIs until stopped. 启动服务。")
def serve(project: Project = None, data: Data = None, host: Host = None, port: Port = None) -> None:
    """Serve the widget and the APIs until stopped."""
    from bot import config  # noqa: PLC0415
    from bot.web import server  # noqa: PLC0415

    server.run(config.load(**given(project, data, host=host, port=port)))


@app.command(help="Train the classifier on the project's examples. 用项目中的例句训练分类器。")
def train(
    method: Annotated[
        Literal["head", "full"],
        typer.Option(
            help="head: minutes, frozen encoder; full: fine-tune it all. 训练方法",
        ),
    ] = "head",
    project: Project = None,
    data: Data = None,
    encoder: Encoder = None,
    as_json: AsJson = False,
) -> None:
    """Train the classifier on the project's examples."""
    from bot.cli import training  # noqa: PLC0415

    training.train(settings(given(project, data, encoder=encoder)), method, as_json=as_json)


@app.command(help="Answer one question and show why; nothing is stored. 回答一个问题并说明理由。")
def ask(
    question: Annotated[str, typer.Argument(help="What a visitor would write. 访客的问题")],
    project: Project = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Answer one question and show why; nothing is stored."""
    from bot.cli import asking  # noqa: PLC0415

    asking.ask(settings(given(project, data)), question, as_json=as_json)


@app.command(help="Talk with the bot in the terminal. 在终端里与机器人对话。")
def chat(
    project: Project = None,
    data: Data = None,
    sender: Annotated[
        str, typer.Option(help="Go on with this conversation. 继续会话", metavar="NAME")
    ] = "",
) -> None:
    """Talk with the bot in the terminal."""
    from bot.cli import chatting  # noqa: PLC0415

    chatting.chat(settings(given(project, data)), sender)


@app.command(help="Ask the evaluation questions and count right answers. 用评测集检验质量。")
def evaluate(
    part: Annotated[Part, typer.Option(help="Which questions to ask. 评测集")] = Part.TEST,
    wrong: Annotated[
        bool, typer.Option("--wrong", help="List what went wrong. 列出答错的问题")
    ] = False,
    project: Project = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Ask the evaluation questions and count the right answers."""
    from bot.cli import evaluating  # noqa: PLC0415

    chosen = settings(given(project, data))
    evaluating.evaluate(chosen, part.value, as_json=as_json, list_wrong=wrong)


bench_app = typer.Typer(invoke_without_command=True)
app.add_typer(
    bench_app, name="bench", help="Measure a running server; or `bench classifier`. 性能测试。"
)


@bench_app.callback()
def bench(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The server's address. 服务地址")] = None,
    count: Annotated[int, typer.Option(min=2, help="How many messages. 消息数")] = 500,
    project: Project = None,
    as_json: AsJson = False,
) -> None:
    """Measure a running server: speed and memory."""
    if context.invoked_subcommand is not None:
        return
    from bot.cli import benching  # noqa: PLC0415

    benching.run(settings(given(project, None)), url, count, as_json=as_json)


@bench_app.command(
    name="dialogue", help="One long conversation: is it as quick at its end? 长对话是否变慢。"
)
def bench_dialogue(
    project: Project = None,
    url: Annotated[str, typer.Option(help="Address of the server. 服务地址")] = "",
    turns: Annotated[int, typer.Option(min=300, help="Messages. 消息数")] = 1000,
) -> None:
    """Talk for a thousand turns and compare the first hundred with the last."""
    from bot.cli import dialogue_bench  # noqa: PLC0415

    dialogue_bench.run(settings(given(project, None)), url, turns)


@bench_app.command(
    name="actions", help="Actions that hang, fail and die; who waits? 动作出错时谁在等待。"
)
def bench_actions(
    deadline: Annotated[
        float, typer.Option(min=0.5, max=60, help="Seconds for actions. 动作期限 (秒)")
    ] = 4.0,
    as_json: AsJson = False,
) -> None:
    """Run actions that misbehave, and measure what visitors and others notice."""
    from bot.cli import action_bench  # noqa: PLC0415

    raise typer.Exit(action_bench.run(deadline, as_json=as_json))


@bench_app.command(
    "classifier", help="Train on public data sets, beside published figures. 公开数据集评测。"
)
def bench_classifier(
    data: Annotated[Path, typer.Option(help="Folder of the data sets. 数据集目录")],
    method: Annotated[
        Literal["best", classifier.Trainable],
        typer.Option(
            help="best: the one that validation data favour for each task. 训练方法",
        ),
    ] = "best",
    teacher: Annotated[
        str, typer.Option(help="With a method named: mpnet-en teaches. 教师模型")
    ] = "",
    unlabelled: Annotated[
        bool, typer.Option("--unlabelled", help="And labels more texts. 教师标注更多文本")
    ] = False,
    only: Annotated[str, typer.Option(help="Tasks whose name has these words. 仅限任务")] = "",
    encoder: Encoder = None,
    encoders: classifier.Encoders = classifier.ENCODERS,
    seeds: Annotated[
        int, typer.Option(min=1, max=3, help="Runs to average, if short. 随机种子数")
    ] = 3,
    as_json: AsJson = False,
) -> None:
    """Train on public data sets and print our figures beside the published ones."""
    from bot.cli import classifier_bench  # noqa: PLC0415

    classifier_bench.run(
        data,
        method,
        teacher,
        unlabelled=unlabelled,
        only=only,
        encoder=encoder or "auto",
        encoders=encoders,
        seeds=seeds,
        as_json=as_json,
    )


@bench_app.command("gateway", help="Kill, overload and time the gateway. 网关压力测试。")
def bench_gateway(
    only: Annotated[
        str, typer.Option(help="R1 to R4, R6 to R14, R20, S21; comma-separated. 仅限测试")
    ] = "R1,R6,R7,R8,R10,R11,R12,R13,R14",
    messages: Annotated[int, typer.Option(min=60, help="For R1. 消息数")] = 3000,
    kills: Annotated[int, typer.Option(min=0, help="For R1. 终止次数")] = 30,
    seed: Annotated[int, typer.Option(help="For R1: its chances. 随机种子")] = 1,
    cuts: Annotated[int, typer.Option(min=1, help="For R2. 断电次数")] = 300,
    stops: Annotated[int, typer.Option(min=1, help="For R14. 停止次数")] = 20,
    minutes: Annotated[float, typer.Option(min=0.5, help="For R20. 分钟数")] = 10.0,
    database: Annotated[
        str, typer.Option(help="For R9: an empty PostgreSQL database. 空的 PostgreSQL 数据库")
    ] = "",
    conversations: Annotated[int, typer.Option(min=2, help="For R9. 对话数")] = 1000,
    seconds: Annotated[
        float, typer.Option(min=1, help="For R10 to R12 and S21, each. 秒数")
    ] = 60.0,
    as_json: AsJson = False,
) -> None:
    """Kill, overload and time the gateway, with an echo in the place of the models."""
    from bot.cli import gateway_bench  # noqa: PLC0415

    chosen = tuple(name.strip().upper() for name in only.split(",") if name.strip())
    asked = gateway_bench.Asked(
        messages=messages,
        kills=kills,
        seed=seed,
        cuts=cuts,
        stops=stops,
        minutes=minutes,
        database=database,
        conversations=conversations,
        seconds=seconds,
    )
    raise typer.Exit(gateway_bench.run(chosen, asked, as_json=as_json))


@bench_app.command(
    "retrieval", help="Search at size, edits under load, kills, codes. 检索性能测试。"
)
def bench_retrieval(
    data: Annotated[Path, typer.Option(help="Folder of the data sets. 数据集目录")],
    sizes: Annotated[
        str, typer.Option(help="Numbers of entries, separated by commas. 条目数")
    ] = "1000,100000,1000000",
    only: Annotated[
        str, typer.Option(help="quality,codes,dense,hybrid,edits,kills; empty: all. 只测部分")
    ] = "",
    collection: Annotated[
        str, typer.Option(help="Collections with these letters. 仅限数据集")
    ] = "",
    train: Annotated[
        bool, typer.Option("--train", help="With encoders trained on other data too. 含微调")
    ] = False,
    edits: Annotated[int, typer.Option(min=2, help="How many edits. 编辑次数")] = 1000,
    edit_size: Annotated[
        int, typer.Option(min=10, help="Entries among which is edited. 编辑时的条目数")
    ] = 100_000,
    kills: Annotated[int, typer.Option(min=1, help="How many kill -9. 强制终止次数")] = 200,
    var: Annotated[Path | None, typer.Option(help="Folder of the models. 模型目录")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the ranking, search at size, edits under load, kills, and codes."""
    from bot.cli import retrieval_bench  # noqa: PLC0415

    wanted = retrieval_bench.Wanted(
        data=data,
        only=retrieval_bench.parts(only),
        collection=collection,
        train=train,
        sizes=retrieval_bench.sizes(sizes),
        edits=edits,
        edit_size=edit_size,
        kills=kills,
    )
    retrieval_bench.run(settings(given(None, var)), wanted, as_json=as_json)


@bench_app.command(
    "entities", help="Measure the trained entities by cross-validation. 交叉验证实体识别。"
)
def bench_entities(project: Project = None, as_json: AsJson = False) -> None:
    """Train on four fifths of the marked examples, ask the rest, five times."""
    from bot.cli import entity_bench  # noqa: PLC0415

    entity_bench.run(settings(given(project, None)).project, as_json=as_json)


@app.command(help="Check the installation and say what to do. 检查安装并给出建议。")
def doctor(
    project: Project = None,
    data: Data = None,
    host: Host = None,
    port: Port = None,
    as_json: AsJson = False,
) -> None:
    """Check the installation and say what to do."""
    from bot.cli import diagnosing  # noqa: PLC0415

    raise typer.Exit(diagnosing.diagnose(given(project, data, host=host, port=port), as_json))


@app.command(help="Show the version. 显示版本。")
def version() -> None:
    """Show the version."""
    try:
        number = metadata.version("frontdesk")
    except metadata.PackageNotFoundError:
        number = "(not installed: run from its source)"
    typer.echo(f"frontdesk {number}, Python {platform.python_version()}")


@importing.command(name="check", help="Say what a Rasa project does here. 检查 Rasa 项目。")
def import_check(folder: Folder) -> None:
    """Print what runs the same, what differs and what must be mended."""
    from bot.cli import rasa_projects  # noqa: PLC0415

    raise typer.Exit(rasa_projects.check(folder))


@app.command(name="test", help="Play test stories, or `test nlu`: understanding. 运行测试故事。")
def run_test(
    what: Tested = ".",
    run: Annotated[
        bool, typer.Option("--run", help="Run the actions too, not only predict. 真正执行动作")
    ] = False,
    project: Project = None,
    data: Data = None,
) -> None:
    """Play the test stories of a Rasa project, or measure how its examples are understood."""
    from bot.cli import playing, rasa_projects  # noqa: PLC0415

    if what == "nlu":
        raise typer.Exit(rasa_projects.measure(settings(given(project=project, data=data))))
    chosen = settings(given(project=project or Path(what), data=data))
    raise typer.Exit(playing.run(chosen) if run else rasa_projects.play(chosen.project, chosen))

"""`frontdesk retrieval`: search with reasons, import answers, and measure the ranking."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from bot.cli.options import Data, Encoder, Project, given, settings
from bot.evaluation.asking import Asking, Mode
from retrieval.candidate import Candidate, Query

if TYPE_CHECKING:
    from bot.config import Settings

app = typer.Typer(help="Past answers: search, import, evaluate. 检索历史答案。")
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs. 输出 JSON")]


@app.command(help="Find answers to a question, with the parts of their scores. 检索答案。")
def search(
    question: Annotated[str, typer.Argument(help="What a visitor would write. 访客的问题")],
    explain: Annotated[bool, typer.Option("--explain", help="Show why. 说明理由")] = False,
    count: Annotated[int, typer.Option(min=1, max=100, help="How many. 数量")] = 5,
    channel: Annotated[str, typer.Option(help="As seen on this channel. 渠道")] = "",
    audience: Annotated[str, typer.Option(help="As seen by this group. 受众")] = "",
    project: Project = None,
    data: Data = None,
    encoder: Encoder = None,
    as_json: AsJson = False,
) -> None:
    """Find answers to a question, with the parts of their scores."""
    from bot import text  # noqa: PLC0415
    from bot.domain import Language  # noqa: PLC0415

    query = Query(
        text=question,
        language=text.language_of(question, otherwise=Language.EN).value,
        channel=channel,
        audience=audience,
        now=datetime.now(UTC),
        k=count,
    )
    found = _search(settings(given(project, data, encoder=encoder)), query)
    if query.warning:
        sys.stderr.write(f"{query.warning}\n")
    if as_json:
        rows = [_as_dict(candidate, explain=explain) for candidate in found]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
    else:
        Console().print(_table(found, explain=explain))


def _search(chosen: Settings, query: Query) -> list[Candidate]:
    from bot.assembly import BrainMaker  # noqa: PLC0415
    from bot.cli import progress  # noqa: PLC0415

    maker = BrainMaker(chosen)
    with progress.bars() as report:
        try:
            retriever = maker.make_retriever(maker.read_knowledge(), on_progress=report)
        finally:
            maker.close_book()
    return retriever.search([query])[0]


@app.command(help="Measure the ranking on a BEIR folder. 用 BEIR 数据集评测检索。")
def evaluate(
    beir: Annotated[Path, typer.Option(help="corpus.jsonl, queries.jsonl, qrels/. 数据集目录")],
    mode: Annotated[Mode, typer.Option(help="Which evidence. 检索方式")] = Mode.HYBRID,
    data: Data = None,
    encoder: Encoder = None,
    replies: Annotated[
        bool, typer.Option("--replies", help="BLEU and chrF in the JSON too. JSON 含 BLEU、chrF")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the ranking on a BEIR folder."""
    from bot.cli import progress  # noqa: PLC0415
    from bot.evaluation import ranking  # noqa: PLC0415 - loads faiss

    chosen = settings(given(None, data, encoder=encoder))
    asking = Asking(folder=beir, encoder=encoder or chosen.models.encoder, mode=mode)
    with progress.bars() as report:
        figures, wording = ranking.evaluate(chosen, asking, report)
    if as_json:
        sys.stdout.write(json.dumps(figures | (wording if replies else {})) + "\n")
        return
    table = Table("figure", "value", title=f"{beir.name}, {mode.value}")
    for name, value in (figures | wording).items():
        table.add_row(name, json.dumps(value))
    Console().print(table)


def _as_dict(candidate: Candidate, *, explain: bool) -> dict[str, object]:
    answer = candidate.answer
    shown: dict[str, object] = {
        "id": answer.id,
        "lang": answer.lang,
        "question": candidate.matched,
        "text": answer.text,
        "probability": round(candidate.probability, 4),
        "source": answer.source,
    }
    if explain:
        shown["score"] = round(candidate.score, 4)
        shown["parts"] = {name: round(value, 4) for name, value in candidate.parts.items()}
    return shown


def _table(found: list[Candidate], *, explain: bool) -> Table:
    from rich.text import Text  # noqa: PLC0415

    table = Table("answer 答案", "matched 匹配", "source 出处", "probability 概率")
    for candidate in found:
        why = [f"{candidate.probability:.0%}"]
        if explain:
            parts = {"score": candidate.score, **candidate.parts}
            why += [f"{value:.2f} {name}" for name, value in parts.items()]
        table.add_row(
            Text(f"{candidate.answer.id} ({candidate.answer.lang})", overflow="fold"),
            Text(candidate.matched),
            Text(candidate.answer.source, overflow="fold"),
            "\n".join(why),
            end_section=explain,
        )
    return table


@app.command(help="Fine-tune the encoders on the answers or on pairs. 微调检索编码器。")
def train(
    pairs: Annotated[
        list[Path] | None,
        typer.Option(
            help="Learn from this CSV, JSONL or BEIR folder instead of the answers; may be "
            "repeated. 训练数据"
        ),
    ] = None,
    guard: Annotated[
        list[Path] | None,
        typer.Option(help="Never learned from, but must not get worse. 仅用于验证的数据"),
    ] = None,
    encoder: Annotated[str, typer.Option(help="Only this one. 仅训练此编码器")] = "",
    holdout: Annotated[
        float, typer.Option(min=0.02, max=0.5, help="Share to measure on. 留出比例")
    ] = 0.2,
    epochs: Annotated[
        int, typer.Option(min=0, max=50, help="Passes; 0: the default. 训练轮数")
    ] = 0,
    max_steps: Annotated[int, typer.Option(min=0, help="At most; 0: the default. 最多步数")] = 0,
    joint: Annotated[
        bool, typer.Option("--joint", help="Learn the intents too. 同时学习意图")
    ] = False,
    reranker: Annotated[
        bool, typer.Option("--reranker", help="Train a reranker instead. 训练重排模型")
    ] = False,
    promote: Annotated[bool, typer.Option(help="Use it if it is better. 若更好则启用")] = True,
    revert: Annotated[
        bool, typer.Option("--revert", help="Use the originals again, train nothing. 恢复原模型")
    ] = False,
    project: Project = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fine-tune the encoders that serve; better ones on held-out questions are promoted."""
    from dataclasses import replace  # noqa: PLC0415

    from bot.cli import retrieval_training  # noqa: PLC0415
    from bot.training import encoders  # noqa: PLC0415
    from retrieval.training.learning import Recipe  # noqa: PLC0415

    chosen = settings(given(project, data))
    if revert:
        encoders.revert(chosen)
        sys.stdout.write("The original encoders serve again. 已恢复原编码器。\n")
        return
    given_limits = {"epochs": epochs, "max_steps": max_steps}
    order = encoders.Order(
        files=tuple(pairs or ()),
        guards=tuple(guard or ()),
        only=encoder,
        holdout=holdout,
        joint=joint,
        promote=promote,
        recipe=replace(Recipe(), **{k: v for k, v in given_limits.items() if v}),
    )
    if reranker:
        retrieval_training.train_reranker(chosen, order, max_steps, as_json=as_json)
        return
    retrieval_training.train(chosen, order, as_json=as_json)


@app.command(help="Fit the weights of the search on eval/dev. 用开发集拟合检索权重。")
def fit(
    write: Annotated[
        bool, typer.Option("--write", help="Use them, if they are better. 若更好则采用")
    ] = False,
    project: Project = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Fit the weights of the search on the questions that may be tuned on."""
    from bot.cli import retrieval_fitting  # noqa: PLC0415

    retrieval_fitting.run(settings(given(project, data)), write=write, as_json=as_json)


@app.command("import", help="Add answers from a file to the database. 导入答案。")
def import_(
    source: Annotated[
        Path, typer.Argument(help="CSV, JSONL, XLSX, Markdown, chat export or BEIR folder. 文件")
    ],
    origin: Annotated[
        str, typer.Option(help="Name of the source; default: its file name. 来源")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would change. 仅预览")
    ] = False,
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Import the good rows all the same. 跳过错误行")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Delete what this source no longer holds. 替换")
    ] = False,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Add answers from a file to the answers database, all of them or none."""
    from dataclasses import asdict  # noqa: PLC0415

    from bot import library  # noqa: PLC0415
    from retrieval.readers import files  # noqa: PLC0415

    chosen = settings(given(None, data))
    found = files.read(source)
    bad = [{"problem": str(p), "line": p.line, "hint": p.hint} for p in found.problems]
    for problem in bad:
        sys.stderr.write(f"{source.name}: {problem['problem']} {problem['hint']}\n")
    if bad and not skip_bad:
        if as_json:
            sys.stdout.write(json.dumps({"imported": False, "problems": bad}) + "\n")
        sys.stderr.write("Nothing was imported. --skip-bad imports the rest. 未导入任何内容。\n")
        raise typer.Exit(2)
    book = library.open_book(chosen)
    try:
        write = book.sync if replace else book.put
        receipt = write(found.answers, origin=origin or source.name, dry=dry_run)
    finally:
        book.close()
    figures = {"imported": not dry_run, **asdict(receipt), "skipped": len(bad)}
    if as_json:
        sys.stdout.write(json.dumps({**figures, "problems": bad}) + "\n")
        return
    what = "would be 将会" if dry_run else "done 已完成"
    sys.stdout.write(
        f"{what}: {receipt.added} added 新增, {receipt.changed} changed 修改, "
        f"{receipt.unchanged} unchanged 未变, {receipt.removed} removed 删除, "
        f"{len(bad)} skipped 跳过; revision 版本 {receipt.revision}\n"
    )

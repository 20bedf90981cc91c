"""`frontdesk classifier ...`: train, measure, use and compare classifiers on any labelled file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Train and judge text classifiers on any labelled file. 训练和评测文本分类器。",
    no_args_is_help=True,
)


class Method(StrEnum):
    """As `classifier.train.Method`, which is too heavy to import for a help text."""

    AUTO = "auto"
    HEAD = "head"
    FULL = "full"


class Trainable(StrEnum):
    """Methods that can be asked for by name."""

    HEAD = "head"
    FULL = "full"


File = Annotated[Path, typer.Option("--data", help="CSV, TSV, JSONL or Rasa NLU. 数据文件")]
Text = Annotated[str | None, typer.Option("--text-column", help="Column of the texts. 文本列")]
Label = Annotated[str | None, typer.Option("--label-column", help="Column of the labels. 标签列")]
Model = Annotated[Path, typer.Option("--model", help="Model folder. 模型目录")]
Encoders = Annotated[
    Path, typer.Option("--encoders", help="Where converted encoders are kept. 编码器目录")
]
AsJson = Annotated[bool, typer.Option("--json", help="Write JSON for programs. 输出 JSON")]
ENCODERS = Path("var/models")


@app.command(help="Check a data file and say what is odd in it. 检查数据文件。")
def check(
    data: File,
    valid: Annotated[Path | None, typer.Option(help="A second file to compare. 验证集")] = None,
    text_column: Text = None,
    label_column: Label = None,
    as_json: AsJson = False,
) -> None:
    """Check a data file and say what is odd in it."""
    from bot.cli import classifying  # noqa: PLC0415

    columns = classifying.columns(text_column, label_column)
    classifying.check(data, valid, columns, as_json=as_json)


@app.command(help="Train on a labelled file. 用标注文件训练。")
def train(
    data: File,
    out: Annotated[Path, typer.Option(help="Where the model folder goes. 输出目录")],
    method: Annotated[
        Method,
        typer.Option(help="head: a minute, frozen encoder; full: fine-tune it all; auto. 训练方法"),
    ] = Method.AUTO,
    holdout: Annotated[
        float, typer.Option(min=0.02, max=0.5, help="Share to measure on (full). 留出比例")
    ] = 0.1,
    encoder: Annotated[
        str,
        typer.Option(help="auto, minilm-en, multilingual-e5, a folder or a hub id. 编码器"),
    ] = "auto",
    encoders: Encoders = ENCODERS,
    seed: Annotated[int, typer.Option(help="Of everything left to chance. 随机种子")] = 13,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data (full). 训练轮数")] = 8,
    learning_rate: Annotated[
        float, typer.Option(min=1e-7, max=1e-2, help="Peak (full). 学习率")
    ] = 2e-4,
    text_column: Text = None,
    label_column: Label = None,
    as_json: AsJson = False,
) -> None:
    """Train on a labelled file."""
    from bot.cli import classifying  # noqa: PLC0415

    classifying.train(
        classifying.Order(
            data=data,
            out=out,
            method=method.value,
            holdout=holdout,
            encoder=encoder,
            encoders=encoders,
            seed=seed,
            epochs=epochs,
            learning_rate=learning_rate,
            columns=classifying.columns(text_column, label_column),
        ),
        as_json=as_json,
    )


@app.command(help="Measure a model on a labelled file. 用标注文件评测模型。")
def evaluate(
    model: Model,
    data: File,
    oos: Annotated[
        Path | None, typer.Option(help="Texts that belong to no label. 范围外文本")
    ] = None,
    encoders: Encoders = ENCODERS,
    text_column: Text = None,
    label_column: Label = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on a labelled file."""
    from bot.cli import classifying  # noqa: PLC0415

    columns = classifying.columns(text_column, label_column)
    classifying.evaluate(model, data, oos, encoders, columns, as_json=as_json)


@app.command(help="Classify texts, given as words or as a file. 对文本分类。")
def predict(
    model: Model,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts. 文本")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="A file of texts. 文本文件")] = None,
    encoders: Encoders = ENCODERS,
    text_column: Text = None,
    as_json: AsJson = False,
) -> None:
    """Classify texts, given as words or as a file."""
    from bot.cli import classifying  # noqa: PLC0415

    columns = classifying.columns(text_column, None)
    classifying.predict(model, texts or [], data, encoders, columns, as_json=as_json)


@app.command(help="Compare two models on the same file (McNemar). 比较两个模型。")
def compare(
    first: Annotated[Path, typer.Argument(help="Model folder. 模型目录")],
    second: Annotated[Path, typer.Argument(help="Model folder. 模型目录")],
    data: File,
    encoders: Encoders = ENCODERS,
    text_column: Text = None,
    label_column: Label = None,
    as_json: AsJson = False,
) -> None:
    """Compare two models on the same file."""
    from bot.cli import classifying  # noqa: PLC0415

    columns = classifying.columns(text_column, label_column)
    classifying.compare(first, second, data, encoders, columns, as_json=as_json)

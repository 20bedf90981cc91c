"""`frontdesk classifier ...`: train, measure, use and compare classifiers on any labelled file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

app = typer.Typer(
    help="Train and judge text classifiers on any labelled file. 训练和评测文本分类器。",
    no_args_is_help=True,
)


AUTO: Literal["auto"] = "auto"
Trainable = Literal["head", "full", "lora", "adalora", "prefix", "ia3", "fewshot"]
Choosable = Literal["auto", Trainable]
Precision = Literal["auto", "float32", "bfloat16"]

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
    valid: Annotated[
        Path | None, typer.Option(help="Measure on this file instead of a share. 验证集")
    ] = None,
    method: Annotated[
        Choosable,
        typer.Option(
            help="head: a minute, frozen encoder; full: fine-tune it all; lora, adalora, prefix, "
            "ia3: fine-tune few weights; fewshot: 5 to 20 examples a label; auto. 训练方法",
        ),
    ] = AUTO,
    holdout: Annotated[
        float | None,
        typer.Option(
            min=0.02,
            max=0.5,
            help="Share to measure on (not head); else a tenth, of few a fifth. 留出比例",
        ),
    ] = None,
    refit: Annotated[
        bool | None,
        typer.Option(
            help="Train once more on everything, --valid too, after measuring; by default unless "
            "there is --valid. 评测后用全部数据重训",
            show_default=False,
        ),
    ] = None,
    encoder: Annotated[
        str,
        typer.Option(help="auto, minilm-en, multilingual-e5, a folder or a hub id. 编码器"),
    ] = AUTO,
    encoders: Encoders = ENCODERS,
    teacher: Annotated[
        str, typer.Option(help="mpnet-en: a larger English encoder teaches. 教师模型")
    ] = "",
    unlabelled: Annotated[
        Path | None,
        typer.Option(help="Texts without labels (old chats), for the teacher to label. 无标签文本"),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything left to chance. 随机种子")] = 13,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data. 轮数")] = None,
    learning_rate: Annotated[
        float | None, typer.Option(min=1e-7, max=1e-1, help="Peak. 学习率")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Texts a step. 批大小")] = None,
    accumulate: Annotated[
        int | None, typer.Option(min=1, help="Parts of a batch, if memory is short. 梯度累积")
    ] = None,
    balance: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="1: rare labels count as much as frequent. 类别平衡"),
    ] = None,
    soup: Annotated[
        int | None,
        typer.Option(min=1, max=20, help="full: the mean of as many networks. 权重平均的网络数"),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=0, help="Stop after as many epochs without gain. 提前停止")
    ] = None,
    precision: Annotated[
        Precision | None,
        typer.Option(help="Of the sums. 精度"),
    ] = None,
    search: Annotated[
        int, typer.Option(min=0, help="Try as many recipes first (Optuna). 超参数搜索次数")
    ] = 0,
    tensorboard: Annotated[
        Path | None, typer.Option(help="Folder for TensorBoard's events. TensorBoard 目录")
    ] = None,
    wandb: Annotated[
        str, typer.Option(help="Project on Weights & Biases; sends figures there. W&B 项目")
    ] = "",
    text_column: Text = None,
    label_column: Label = None,
    as_json: AsJson = False,
) -> None:
    """Train on a labelled file."""
    from bot.cli import classifying  # noqa: PLC0415

    classifying.train(
        classifying.Wish(
            data=data,
            valid=valid,
            out=out,
            method=method,
            holdout=holdout,
            refit=refit,
            encoder=encoder,
            encoders=encoders,
            teacher=teacher,
            unlabelled=unlabelled,
            search=search,
            tensorboard=tensorboard,
            wandb=wandb,
            columns=classifying.columns(text_column, label_column),
            recipe=given(
                seed=seed,
                epochs=epochs,
                learning_rate=learning_rate,
                batch_size=batch_size,
                accumulate=accumulate,
                balance=balance,
                soup=soup,
                patience=patience,
                precision=precision,
            ),
        ),
        as_json=as_json,
    )


def given(**options: float | str | None) -> dict[str, Any]:
    """Those options that were given."""
    return {name: value for name, value in options.items() if value is not None}


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


@app.command(help="Say where a model's report lies, and open it. 打开模型的报告。")
def report(
    model: Model,
    show: Annotated[bool, typer.Option(help="Open it in a browser. 用浏览器打开")] = True,
) -> None:
    """Say where a model's report lies, and open it."""
    from bot.cli import classifying  # noqa: PLC0415

    classifying.report(model, show=show)


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

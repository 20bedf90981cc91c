"""What the commands of `frontdesk classifier` do and print."""

from __future__ import annotations

import json
import sys
import time
import webbrowser
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.cli import progress, termination
from bot.training import waiting
from classifier import artifact, dataset, errors, inspection, reading, workshop
from classifier import evaluate as measures
from classifier.artifact import Manifest
from classifier.methods import Method, recipe_for
from classifier.model import IntentClassifier
from classifier.prediction import IntentPrediction
from classifier.reading import Columns

SHOWN = 3  # intents of a ranking
DIGITS = 4
PRINTED_AT_ONCE = 1000  # texts of a million would not all fit into memory with their rankings
NAMES = {
    "n": "texts 文本数",
    "accuracy": "accuracy 准确率",
    "macro_f1": "macro F1",
    "ece": "calibration error 校准误差",
}
SCOPE_NAMES = {
    "n": "out-of-scope texts 范围外文本数",
    "auroc": "AUROC",
    "aupr": "average precision",
    "fpr95": "false alarms at 95 % caught 误拒率",
    "recall_at_5": "caught at 5 % false alarms 检出率",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A training that was asked for, in the words of the command line."""

    data: Path
    valid: Path | None
    out: Path
    method: str
    holdout: float | None
    refit: bool | None
    encoder: str
    encoders: Path
    teacher: str
    unlabelled: Path | None
    search: int
    tensorboard: Path | None
    wandb: str
    columns: Columns
    recipe: Mapping[str, Any]
    """Fields of the recipe that were named."""


def columns(text: str | None, label: str | None) -> Columns:
    """The columns that were named."""
    return Columns(text=text, label=label)


def check(data: Path, valid: Path | None, chosen: Columns, *, as_json: bool) -> None:
    """Print what `data` hold and what is odd in them."""
    other = reading.read(valid, chosen) if valid else ()
    found = inspection.inspect(reading.read(data, chosen), other)
    if as_json:
        _write({"rows": found.rows} | asdict(found))
        return
    console = Console()
    console.print(
        f"{found.rows} rows, {len(found.counts)} labels 行数与标签数; "
        + ", ".join(f"{language} {n}" for language, n in found.languages.items()),
        highlight=False,
    )
    _print_findings(console, found)
    if not found.findings:
        console.print("Nothing odd. 未发现问题。")


def train(wish: Wish, *, as_json: bool) -> None:
    """Train as wished, and print how good the model is.

    Raises:
        errors.ClassifierError: nothing was written to `wish.out`.
    """
    waiting.be_patient()
    termination.unwinds()
    examples = reading.read(wish.data, wish.columns)
    valid = reading.read(wish.valid, wish.columns) if wish.valid else ()
    dataset.check(examples, strict=False)
    console = Console(stderr=True)
    _print_findings(console, inspection.inspect(examples, valid))
    choice = _choice(wish, examples, console)
    order = _order(wish, choice)
    started = time.monotonic()
    try:
        with progress.lines() if as_json else progress.bars() as report:
            trained = workshop.make(order, examples, valid, on_progress=report)
    except (KeyboardInterrupt, SystemExit):
        if order.unfinished.is_dir():
            console.print(
                f"Stopped. The same command goes on from the last whole epoch; delete "
                f"{order.unfinished} to begin anew. 已停止；重新运行同一命令即可继续。",
                markup=False,
            )
        raise
    manifest, took_s = trained.manifest, time.monotonic() - started
    if as_json:
        _write({"model": str(wish.out), "seconds": round(took_s, 1), "metrics": manifest.metrics})
        return
    _print_trained(manifest, wish.out, took_s)


def _order(wish: Wish, choice: workshop.Choice) -> workshop.Order:
    if wish.search and not choice.method.tunes:
        raise errors.DatasetError(
            f"--search has nothing to try with the method {choice.method.value!r}.",
            hint="Leave it out, or name a method that fine-tunes.",
        )
    if wish.recipe.get("soup", 1) > 1 and choice.method is not Method.FULL:
        raise errors.DatasetError(
            f"--soup has no networks to average with the method {choice.method.value!r}.",
            hint="Leave it out, or use --method full.",
        )
    if wish.unlabelled and not (wish.teacher and choice.method.tunes_by_labels):
        raise errors.DatasetError(
            f"--unlabelled {wish.unlabelled} has nobody to label it.",
            hint="Name --teacher mpnet-en, and the method auto, full or one with adapters.",
        )
    return workshop.Order(
        method=choice.method,
        out=wish.out,
        encoder=wish.encoder,
        encoders=wish.encoders,
        teacher=wish.teacher,
        unlabelled=_unlabelled(wish),
        holdout=wish.holdout,
        refit=wish.refit,
        search=wish.search,
        recipe=replace(
            recipe_for(choice.method, has_unlabelled=wish.unlabelled is not None), **wish.recipe
        ),
        tensorboard=wish.tensorboard,
        wandb=wish.wandb,
        notes=((choice.en, choice.zh),),
    )


def _unlabelled(wish: Wish) -> tuple[str, ...]:
    if wish.unlabelled is None:
        return ()
    return reading.read_texts(wish.unlabelled, Columns(text=wish.columns.text))


def report(folder: Path, *, show: bool) -> None:
    """Print where the report of the model in `folder` lies, and open it in a browser.

    Raises:
        errors.ArtifactError: it is no model folder, or has no report.
    """
    artifact.read_unchecked(folder)
    page = (folder / "report" / "report.html").resolve()
    if not page.is_file():
        raise errors.ArtifactError(f"{page} is missing.", hint="Train again to get a report.")
    Console().print(str(page), markup=False, highlight=False, soft_wrap=True)
    if show and not webbrowser.open(page.as_uri()):
        Console(stderr=True).print("No browser here: open the file yourself. 请自行打开该文件。")


def evaluate(
    folder: Path, data: Path, oos: Path | None, encoders: Path, chosen: Columns, *, as_json: bool
) -> None:
    """Measure the model in `folder` on `data`, and on texts out of its scope.

    Raises:
        errors.ClassifierError: a file or the folder cannot be used.
    """
    examples = reading.read(data, chosen)
    strange = reading.read_texts(oos, Columns(text=chosen.text)) if oos else ()
    with progress.bars() as report:
        model = workshop.open_model(folder, encoders=encoders, on_progress=report)
        gold = _gold(model, examples)
        said, familiar = model.read([example.text for example in examples], report)
        unfamiliar = model.read(strange, report)[1] if strange else None
    scores = measures.score(said, gold)
    found: dict[str, Any] = {
        "n": scores.examples,
        "accuracy": round(scores.accuracy, DIGITS),
        "macro_f1": round(scores.macro_f1, DIGITS),
        "ece": round(scores.calibration_error, DIGITS),
    }
    if unfamiliar is not None:
        scope = measures.score_scope(familiar, unfamiliar).as_dict()
        found["oos"] = {name: round(value, DIGITS) for name, value in scope.items()}
    if as_json:
        _write(found)
        return
    table = Table("figure", "value", title=f"{model.model_id} on {data}", title_justify="left")
    for name, title in NAMES.items():
        table.add_row(title, f"{found[name]:g}")
    for name, title in SCOPE_NAMES.items() if unfamiliar is not None else ():
        table.add_row(title, f"{found['oos'][name]:g}")
    Console().print(table)


def predict(
    folder: Path,
    words: Sequence[str],
    data: Path | None,
    encoders: Path,
    chosen: Columns,
    *,
    as_json: bool,
) -> None:
    """Print the best intents of texts.

    Raises:
        errors.ClassifierError: a file or the folder cannot be used, or there is no text.
    """
    texts = [*words, *(reading.read_texts(data, chosen) if data else ())]
    if not texts:
        raise errors.DatasetError("no texts.", hint="Give them as words, or a file with --data.")
    with progress.bars() as report:
        model = workshop.open_model(folder, encoders=encoders, on_progress=report)
    for start in range(0, len(texts), PRINTED_AT_ONCE):
        some = texts[start : start + PRINTED_AT_ONCE]
        _print_predicted(some, model.predict(some), as_json=as_json)


def _print_predicted(
    texts: Sequence[str], found: Sequence[IntentPrediction], *, as_json: bool
) -> None:
    if as_json:
        for text, prediction in zip(texts, found, strict=True):
            _write(_shown(text, prediction))
        return
    table = Table("text 文本", "intents 意图", "familiar 熟悉度")
    for text, prediction in zip(texts, found, strict=True):
        ranked = prediction.ranking[:SHOWN]
        best = "\n".join(f"{item.confidence:.0%} {item.name}" for item in ranked)
        table.add_row(Text(text), Text(best), f"{prediction.familiarity:.0%}")
    Console().print(table)


def compare(
    first: Path, second: Path, data: Path, encoders: Path, chosen: Columns, *, as_json: bool
) -> None:
    """Ask two models the same texts and test whether one is better.

    Raises:
        errors.ClassifierError: a file or a folder cannot be used.
    """
    examples = reading.read(data, chosen)
    texts = [example.text for example in examples]
    right = []
    with progress.bars() as report:
        for folder in (first, second):
            model = workshop.open_model(folder, encoders=encoders, on_progress=report)
            right.append(model.read(texts, report)[0].argmax(axis=1) == _gold(model, examples))
    found = measures.compare(*right)
    accuracies = [round(float(hits.mean()), DIGITS) for hits in right]
    if as_json:
        _write({"accuracy": accuracies} | found.as_dict())
        return
    table = Table("", str(first), str(second), title=f"{found.n} texts 文本", title_justify="left")
    table.add_row("accuracy 准确率", *(f"{share:.2%}" for share in accuracies))
    table.add_row("right alone 仅此模型正确", str(found.first_only), str(found.second_only))
    Console().print(table)
    sure = "likely real 差异可信" if found.p_value < 0.05 else "may be chance 可能是偶然"
    Console().print(f"McNemar's exact test: p = {found.p_value:.3g}, the difference {sure}.")


def _choice(
    wish: Wish, examples: Sequence[dataset.LabelledText], console: Console
) -> workshop.Choice:
    if wish.method != "auto":
        return workshop.Choice(
            method=Method(wish.method), en="The method was asked for.", zh="训练方法由用户指定。"
        )
    choice = workshop.choose(examples, has_unlabelled=wish.unlabelled is not None)
    console.print(f"{choice.en} {choice.zh}", markup=False, highlight=False)
    return choice


def _gold(model: IntentClassifier, examples: Sequence[dataset.LabelledText]) -> measures.Gold:
    place = {label: i for i, label in enumerate(model.manifest.labels)}
    for example in examples:
        if example.intent not in place:
            raise errors.DatasetError(
                f"{example.path}:{example.line}: the model has no label {example.intent!r}.",
                path=example.path,
                line=example.line,
                hint="Take such rows out (--oos measures texts without a label), or train again.",
            )
    return np.array([place[example.intent] for example in examples], dtype=np.int64)


def _print_trained(manifest: Manifest, out: Path, took_s: float) -> None:
    title = f"{manifest.model_id} ({manifest.encoder}), {took_s:.0f} s"
    table = Table(manifest.measured_on, "", title=title, title_justify="left")
    names = {"examples": NAMES["n"], "calibration_error": NAMES["ece"]} | NAMES
    for name, value in manifest.metrics.items():
        table.add_row(names[name], f"{value:.4g}")
    console = Console()
    console.print(table)
    dial = Table(
        "at most wrong 允许错误", "confidence from 置信度", "answered 自动回答", "wrong 实错"
    )
    for point in manifest.risk:
        if point["threshold"] is None:
            dial.add_row(f"{point['risk']:.0%}", "more data needed 数据不足", "", "")
        else:
            shares = (f"{point['coverage']:.1%}", f"{point['error']:.1%}")
            dial.add_row(f"{point['risk']:.0%}", f"{point['threshold']:.3f}", *shares)
    console.print(dial)
    page = out / "report" / "report.html"
    console.print(
        f"Model folder 模型目录: {out}; report 报告: {page}", markup=False, highlight=False
    )


def _print_findings(console: Console, found: inspection.Inspection) -> None:
    for finding in found.findings:
        console.print(Text(f"! {finding.en} {finding.zh}"))
        for case in finding.cases:
            console.print(Text(f"    {case}"))


def _shown(text: str, prediction: IntentPrediction) -> dict[str, Any]:
    ranked = prediction.ranking[:SHOWN]
    return {
        "text": text,
        "intent": prediction.top.name,
        "confidence": round(prediction.top.confidence, DIGITS),
        "familiarity": round(prediction.familiarity, DIGITS),
        "ranking": [{"name": i.name, "confidence": round(i.confidence, DIGITS)} for i in ranked],
    }


def _write(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")

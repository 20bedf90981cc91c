"""`frontdesk classifier` as a data scientist uses it: real processes, a real encoder."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from bot.knowledge.model import Knowledge
from classifier import artifact

INTENTS = (
    "greet",
    "human_please",
    "login_problem",
    "refund_status",
    "start_return",
    "track_parcel",
)
LEARNED, MEASURED = 24, 6  # examples of each intent
EACH = (LEARNED + MEASURED) // MEASURED
STRANGE = (
    "how tall is mount everest",
    "write me a poem about the sea",
    "what is the capital of peru",
    "明天北京下雨吗",
    "who won the football match last night",
    "把这句话翻译成法语",
)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "classifier", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)  # noqa: S603


def write(path: Path, rows: Sequence[tuple[str, ...]], *header: str) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def rows_of(path: Path) -> list[list[str]]:
    """The rows of a file, without its header."""
    return list(csv.reader(path.read_text(encoding="utf-8").splitlines()))[1:]


@pytest.fixture(scope="module")
def files(starter: Knowledge, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with train.csv, test.csv and oos.csv."""
    folder = tmp_path_factory.mktemp("data")
    learned, measured = [], []
    for intent in INTENTS:
        rows = [(e.text, e.intent) for e in starter.examples if e.intent == intent]
        rows = rows[:: len(rows) // (LEARNED + MEASURED)][: LEARNED + MEASURED]
        measured += rows[::EACH]  # spread over the file, so that both languages are on both sides
        learned += [row for place, row in enumerate(rows) if place % EACH]
    write(folder / "train.csv", learned, "utterance", "category")
    write(folder / "test.csv", measured, "text", "intent")
    write(folder / "oos.csv", [(text,) for text in STRANGE], "text")
    return folder


@pytest.fixture(scope="module")
def trained(files: Path, encoders: Path) -> Path:
    """A model folder of the method that is quick."""
    out = files / "model"
    done = run(
        "train", "--data", files / "train.csv", "--out", out, "--method", "head",
        "--encoders", encoders,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "5-fold cross-validation" in done.stdout
    assert artifact.read(out).model_id in done.stdout
    return out


def test_the_folder_holds_model_report_and_card(trained: Path) -> None:
    manifest = json.loads((trained / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["metrics"]["examples"] == LEARNED * len(INTENTS)
    assert manifest["metrics"]["accuracy"] > 0.8
    assert len(manifest["risk"]) == 5
    page = (trained / "report" / "report.html").read_text(encoding="utf-8")
    assert "unseen" in page
    assert "track_parcel" in page
    assert (trained / "MODEL_CARD.md").is_file()


def test_it_is_measured_with_texts_out_of_scope(trained: Path, files: Path, encoders: Path) -> None:
    done = run(
        "evaluate", "--model", trained, "--data", files / "test.csv", "--oos", files / "oos.csv",
        "--encoders", encoders, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert list(found) == ["n", "accuracy", "macro_f1", "ece", "oos"]
    assert list(found["oos"]) == ["n", "auroc", "aupr", "fpr95", "recall_at_5"]
    assert found["n"] == MEASURED * len(INTENTS)
    assert found["accuracy"] > 0.75
    assert found["oos"]["auroc"] > 0.9


def test_it_classifies_words_of_both_languages(trained: Path, encoders: Path) -> None:
    done = run(
        "predict", "--model", trained, "--encoders", encoders, "--json",
        "where is my parcel", "我要退货", "ＷＨＥＲＥ ＩＳ ＭＹ ＰＡＲＣＥＬ 📦",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["intent"] for item in said] == ["track_parcel", "start_return", "track_parcel"]
    assert all(0 < item["familiarity"] <= 1 for item in said)


def test_a_model_is_no_better_than_itself(trained: Path, files: Path, encoders: Path) -> None:
    done = run(
        "compare", trained, trained, "--data", files / "test.csv", "--encoders", encoders, "--json"
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["first_only"], found["second_only"], found["p_value"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("text,intent\nhi,greet\n", "1 intents"),
        ("text,intent\n" + "hi there,greet\n" * 9, "1 intents"),
        ("text,intent\nhi,greet\n,greet\n", "bad.csv:3: the text is empty"),
        ("words,what\nhi,greet\n", "--text-column"),
    ],
)
def test_bad_data_are_named_and_nothing_is_written(
    tmp_path: Path, encoders: Path, content: str, words: str
) -> None:
    (tmp_path / "bad.csv").write_text(content, encoding="utf-8")
    done = run(
        "train", "--data", tmp_path / "bad.csv", "--out", tmp_path / "out", "--encoders", encoders
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_a_label_that_the_model_does_not_know(
    trained: Path, tmp_path: Path, encoders: Path
) -> None:
    strange = write(tmp_path / "t.csv", [("hi", "no/such 标签")], "text", "intent")
    done = run("evaluate", "--model", trained, "--data", strange, "--encoders", encoders)
    assert done.returncode == 2
    assert "t.csv:2: the model has no label 'no/such 标签'" in done.stderr


def test_an_existing_folder_is_not_overwritten(trained: Path, files: Path, encoders: Path) -> None:
    before = (trained / "manifest.json").read_bytes()
    done = run("train", "--data", files / "train.csv", "--out", trained, "--encoders", encoders)
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert (trained / "manifest.json").read_bytes() == before


def test_data_are_checked(files: Path) -> None:
    done = run("check", "--data", files / "train.csv", "--json")
    found = json.loads(done.stdout)
    assert found["rows"] == LEARNED * len(INTENTS)
    assert set(found["languages"]) >= {"en", "zh"}


def test_benchmarks_without_their_data_say_what_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "bench", "classifier", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
    assert done.returncode == 2
    assert "banking77" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def benchmarks(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder laid out as that of the public data sets, with our own texts in it."""
    folder = tmp_path_factory.mktemp("benchmarks")
    for place in (
        "banking77/train.csv", "banking77/train_10.csv", "banking77/train_5.csv",
        "clinc150/train_10.csv", "clinc150/train_5.csv", "smp2019_zh/train.csv",
    ):  # fmt: skip
        (folder / place).parent.mkdir(exist_ok=True)
        shutil.copy(files / "train.csv", folder / place)
    for place in ("banking77/test.csv", "smp2019_zh/valid.csv", "smp2019_zh/test.csv"):
        shutil.copy(files / "test.csv", folder / place)
    learned, measured = (rows_of(files / name) for name in ("train.csv", "test.csv"))
    strange = [[text, "oos"] for text in STRANGE]
    parts = {"train": learned, "val": measured, "test": measured, "oos_test": strange}
    (folder / "clinc150/data_full.json").write_text(json.dumps(parts), encoding="utf-8")
    return folder


def bench(data: Path, encoders: Path, home: Path, *words: str) -> subprocess.Popen[str]:
    """The benchmark in a process whose temporary files lie in `home`."""
    command = [
        sys.executable, "-m", "bot", "bench", "classifier", "--data", str(data), "--encoders",
        str(encoders), "--seeds", "1", "--json", *words,
    ]  # fmt: skip
    environ = os.environ | {"TMPDIR": str(home)}
    return subprocess.Popen(  # noqa: S603
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    )


def test_a_benchmark_measures_on_texts_that_it_did_not_learn(
    benchmarks: Path, encoders: Path, tmp_path: Path
) -> None:
    words = ("--only", "CLINC150", "--method", "head")
    with bench(benchmarks, encoders, tmp_path, *words) as process:
        said, complaint = process.communicate(timeout=300)
    assert process.returncode == 0, complaint
    found = json.loads(said)
    assert (found["task"], found["method"], found["seeds"]) == ("CLINC150", "head", 1)
    assert 0.8 < found["accuracy"] <= 1
    assert found["auroc"] > 0.6
    assert not list(tmp_path.glob("frontdesk-*"))


def test_a_benchmark_that_is_stopped_leaves_nothing(
    benchmarks: Path, encoders: Path, tmp_path: Path
) -> None:
    words = ("--only", "CLINC150, validation part learned too")
    with bench(benchmarks, encoders, tmp_path, *words) as process:
        assert process.stderr is not None
        deadline = time.monotonic() + 200
        while not any(tmp_path.glob("frontdesk-*/.model.training/training.jsonl")):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == 143
    assert not list(tmp_path.glob("frontdesk-*"))


def test_a_killed_fine_tuning_goes_on_where_it_was(files: Path, encoders: Path) -> None:
    out = files / "lora"
    words: list[str | Path] = [
        "train", "--data", files / "train.csv", "--valid", files / "test.csv", "--out", out,
        "--refit", "--method", "lora", "--epochs", "3", "--encoders", encoders, "--json",
    ]  # fmt: skip
    command = [sys.executable, "-m", "bot", "classifier", *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:  # noqa: S603
        assert child.stdout is not None
        for line in child.stdout:
            if json.loads(line)["step"].startswith("fine-tuning, epoch 2"):
                break
        child.kill()
    assert not out.exists()
    begun = json.loads((files / ".lora.training" / "run.json").read_text(encoding="utf-8"))
    assert begun["arguments"]["epochs"] == 3
    assert begun["versions"]["torch"]

    done = run(*words)
    assert done.returncode == 0, done.stderr
    steps = [json.loads(line).get("step", "") for line in done.stdout.splitlines()]
    tuning = [step for step in steps if step.startswith("fine-tuning")]
    assert tuning[0].startswith("fine-tuning, epoch 2 of 3")
    assert not (files / ".lora.training").exists()

    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["measured_on"] == f"{MEASURED * len(INTENTS)} texts of test.csv"
    assert manifest["metrics"]["accuracy"] > 0.8
    assert {"network.safetensors", "run.json", "training.jsonl"} <= set(manifest["files"])
    card = (out / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"| Examples | {(LEARNED + MEASURED) * len(INTENTS)} |" in card  # the measuring ones too
    share = re.search(r"\| Trained parameters \| ([\d.]+)% \|", card)
    assert share is not None
    assert float(share[1]) < 2


def test_few_examples_are_learned_by_contrast(files: Path, encoders: Path) -> None:
    out = files / "fewshot"
    done = run(
        "train", "--data", files / "test.csv", "--out", out, "--method", "fewshot",
        "--epochs", "3", "--encoders", encoders, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    asked = run(
        "evaluate", "--model", out, "--data", files / "train.csv", "--encoders", encoders, "--json"
    )
    assert json.loads(asked.stdout)["accuracy"] > 0.8


def test_the_report_is_found(trained: Path) -> None:
    done = run("report", "--model", trained, "--no-show")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()) == (trained / "report" / "report.html").resolve()


def test_texts_that_nobody_labels_are_refused(files: Path, tmp_path: Path) -> None:
    done = run(
        "train", "--data", files / "train.csv", "--out", tmp_path / "out", "--method", "full",
        "--unlabelled", files / "test.csv",
    )  # fmt: skip
    assert done.returncode == 2
    assert "--teacher" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("method", "options"),
    [("head", "--search 3"), ("lora", "--soup 3"), ("head", "--refit --valid test.csv")],
)
def test_what_a_method_cannot_do_is_refused(
    files: Path, tmp_path: Path, method: str, options: str
) -> None:
    words = [files / word if word.endswith(".csv") else word for word in options.split()]
    done = run(
        "train", "--data", files / "train.csv", "--out", tmp_path / "out", "--method", method,
        *words,
    )  # fmt: skip
    assert done.returncode == 2
    assert options.split(maxsplit=1)[0] in done.stderr
    assert not (tmp_path / "out").exists()

"""The command line as people and programs use it."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot import errors
from bot.cli import entry, evaluating, main, options, progress
from bot.config import Settings
from bot.doctor import Finding, Level

HEAVY = ("torch", "transformers", "onnxruntime", "faiss", "numpy", "sqlalchemy", "aiohttp")
ROOT = Path(__file__).parents[3]
COMMANDS = ("serve", "train", "ask", "chat", "evaluate", "doctor", "version")


def frontdesk(*words: str) -> int:
    """Run a command in this process; gives its exit code."""
    with pytest.raises(SystemExit) as stopped:
        main(words)
    return int(stopped.value.code or 0)


def places(settings: Settings) -> tuple[str, ...]:
    return "--project", str(settings.project), "--data", str(settings.data)


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from bot.cli import app\n"
        f"print([name for name in (*{HEAVY}, 'pydantic') if name in sys.modules])"
    )
    found = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


def test_help_speaks_both_languages(capsys: pytest.CaptureFixture[str]) -> None:
    assert frontdesk("--help") == 0
    shown = capsys.readouterr().out
    for command in COMMANDS:
        assert command in shown
    assert "回答一个问题并说明理由" in shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert frontdesk(command, "--help") == 0
    assert re.search("[\u4e00-\u9fff]", capsys.readouterr().out)


@pytest.mark.parametrize("words", [["version"], ["--version"]])
def test_version(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert frontdesk(*words) == 0
    assert capsys.readouterr().out.startswith("frontdesk ")


def test_only_what_was_given_overrides_settings() -> None:
    assert options.given() == {}
    assert options.given(Path("k"), port=0) == {"project": Path("k"), "server": {"port": 0}}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ask", " \n "], "error: The message is empty. Send at least one readable character."),
        (["ask", "hi", "--project", "nowhere"], "error: nowhere/domain.yml: not found."),
        (
            ["bench", "retrieval", "--data", "x", "--only", "speed"],
            "error: There is no part 'speed' here.",
        ),
        (
            ["bench", "retrieval", "--data", "x", "--sizes", "many"],
            "error: --sizes: 'many' is no number of entries.",
        ),
        (  # nor is there a data folder yet
            ["bench", "retrieval", "--data", "x", "--only", "dense", "--sizes", "20"],
            "error: x/dstc9_faq/test.csv cannot be read:",
        ),
        (["serve", "--port", "99999"], "error: Setting server.port = 99999:"),
        (["train", "--project", "nowhere"], "error: nowhere/domain.yml: not found."),
        (["evaluate", "--project", "nowhere"], "error: nowhere/eval: no questions test."),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert frontdesk(*words) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(said)
    assert shown.err.count("\n") == 1


def test_what_does_not_work_exits_1(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database = tmp_path / "text.db"
    database.write_bytes(b"this is not a database, it is a text" * 100)
    (tmp_path / "frontdesk.toml").write_text(f'database = "sqlite:///{database}"\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        assert frontdesk("ask", "hello", *places(settings)) == 1
    shown = capsys.readouterr().err
    assert "error: " in shown
    assert "restore a backup" in shown
    assert "Traceback" not in shown


def test_debugging_shows_the_stack(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FRONTDESK_LOG_LEVEL", "debug")
    assert frontdesk("ask", "hi") == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (errors.StoreError("It is full.", hint="Free some."), "It is full. Free some."),
        (OSError(28, "No space left on device", "x.db"), "x.db: No space left on device."),
        (ModuleNotFoundError(name="torch"), "the package 'torch' is not installed."),
        (ValueError("odd\nvalue"), "odd value FRONTDESK_LOG_LEVEL=debug shows where."),
    ],
)
def test_every_failure_is_one_line(cause: Exception, said: str) -> None:
    assert entry.explain(cause).startswith(said)
    assert "\n" not in entry.explain(cause)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("where is my parcel?", "track_how"), ("我想退货，怎么操作？", "return_how")],
)
def test_ask_as_json(
    settings: Settings, question: str, answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert frontdesk("ask", question, "--json", *places(settings)) == 0
    said = json.loads(capsys.readouterr().out)
    candidates = said["reasons"]["candidates"]
    assert candidates[0]["id"] == answer
    assert re.fullmatch(r"answers/\w+\.csv:\d+", candidates[0]["source"])
    assert said["messages"][0]["text"]


def test_ask_shows_the_reasons(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert frontdesk("ask", "where is my parcel?", *places(settings)) == 0
    shown = capsys.readouterr().out
    for words in ("confidence", "track_how", "answers/delivery.csv:", "multilingual-e5", "intents"):
        assert words in shown


def test_chat_presses_buttons_by_number(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["/why", "/track_parcel", "1", "/why", "   ", "/quit"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(lines) + "\n"))
    assert frontdesk("chat", "--sender", "tester", *places(settings)) == 0
    shown = capsys.readouterr().out
    assert "Nothing was said yet." in shown
    assert "[1]" in shown
    assert "answer, 100%" in shown
    assert "chosen" in shown
    assert "a button was pressed" in shown


def test_chat_ends_with_its_input(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{'x' * 3000}\n"))
    assert frontdesk("chat", *places(settings)) == 0
    assert "at most 2000 are allowed" in capsys.readouterr().out


def few_questions(settings: Settings) -> None:
    """Leave three questions, one of them unanswerable; unfrozen, for they are changed."""
    folder = settings.project / "eval"
    for path in folder.iterdir():
        path.unlink()
    rows: list[dict[str, object]] = [
        {"id": "e1", "text": "where is my parcel?", "answer": "track_how"},
        {"id": "e2", "text": "who won the football match yesterday", "answer": None},
    ]
    chinese = {"id": "z1", "text": "我想退货，怎么操作？", "answer": "no_such_answer"}
    english = "\n".join(json.dumps(row) for row in rows)
    (folder / "test.en.jsonl").write_text(english, encoding="utf-8")
    (folder / "test.zh.jsonl").write_text(json.dumps(chinese), encoding="utf-8")


def test_evaluate_as_json_is_nothing_but_json(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    few_questions(settings)
    assert frontdesk("evaluate", "--json", "--wrong", *places(settings)) == 0
    shown = capsys.readouterr()
    counts = json.loads(shown.out)
    assert set(counts) == {"languages", "replies"}
    assert set(counts["replies"]) == {"en"}  # the Chinese question names an answer that is none
    assert set(counts["replies"]["en"]) == {"bleu", "chrf"}
    english, chinese = counts["languages"]["en"], counts["languages"]["zh"]
    assert list(english) == ["answerable", "right", "clarified_right", "wrong", "refused",
                             "unanswerable", "unanswerable_answered"]  # fmt: skip
    assert (english["answerable"], english["unanswerable"]) == (1, 1)
    assert english["right"] + english["clarified_right"] == 1
    assert chinese["wrong"] + chinese["refused"] == 1
    assert "no_such_answer" in shown.err


def test_evaluate_as_table(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    few_questions(settings)
    assert frontdesk("evaluate", *places(settings)) == 0
    shown = capsys.readouterr().out
    assert "1 / 1" in shown
    assert "missed" in shown


@pytest.mark.parametrize(
    ("right", "wrong", "answered", "met"),
    [(88, 8, 15, [True, True, True]), (87, 9, 16, [False, False, False])],
)
def test_targets(right: int, wrong: int, answered: int, met: list[bool]) -> None:
    counts = {
        "answerable": 100,
        "right": right - 10,
        "clarified_right": 10,
        "wrong": wrong,
        "refused": 100 - right - wrong,
        "unanswerable": 100,
        "unanswerable_answered": answered,
    }
    assert [measure.is_met(counts) for measure in evaluating.MEASURES] == met


def test_training_for_programs_writes_steps_only(settings: Settings) -> None:
    before = set((settings.data / "models" / "classifier").iterdir())
    found = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "bot", "train", "--json", "--method", "head", *places(settings)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    steps = [json.loads(line) for line in found.stdout.splitlines()]
    assert steps
    assert all(set(step) == {"step", "share"} and 0 <= step["share"] <= 1 for step in steps)
    assert set((settings.data / "models" / "classifier").iterdir()) > before


def test_libraries_cannot_print_between_the_steps(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.lines() as report:
        print("chatter")  # noqa: T201 - as a library would
        report("cooking", 0.25)
    shown = capsys.readouterr()
    assert shown.out == '{"step": "cooking", "share": 0.25}\n'
    assert shown.err == "chatter\n"


def test_doctor_as_json(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert frontdesk("doctor", "--json", "--port", "0", *places(settings)) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert {"check", "level", "message", "remedy"} == set(said["findings"][0])


def test_doctor_fails_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("doctor", "--port", "0", "--project", str(tmp_path / "x"), "--data", str(tmp_path))
    assert frontdesk(*words) == 1
    shown = capsys.readouterr().out
    assert "fail" in shown
    assert "→" in shown


def test_a_finding_reads_as_a_line() -> None:
    found = Finding(check="port", level=Level.FAIL, message="Taken.", remedy="Take another.")
    assert str(found) == "fail  port: Taken. Take another."

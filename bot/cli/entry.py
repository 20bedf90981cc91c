"""Runs a command and turns every failure into one line: `error: what happened, what to do`.

Exit codes: 0 done, 1 something does not work, 2 what was asked or configured is wrong, 130 stopped.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

from bot import errors
from classifier import errors as classifier_errors
from retrieval import errors as retrieval_errors

FAILED = 1
WRONG_USE = 2
STOPPED = 130  # 128 + SIGINT, as shells count
USERS_FAULT = (
    errors.ClientError,
    errors.ConfigError,
    errors.KnowledgeError,
    classifier_errors.DatasetError,
    classifier_errors.ArtifactError,
    retrieval_errors.EncoderChoiceError,
    retrieval_errors.CorpusError,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run `frontdesk` with `arguments`, those of the process if None, and exit.

    Raises:
        SystemExit: always; its code is the exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        _run(words)
    except KeyboardInterrupt:
        _say("stopped.")
        sys.exit(STOPPED)
    except BrokenPipeError:  # the reader of our output has gone: nobody is left to tell
        sys.stdout = None
        sys.exit(FAILED)
    except Exception as cause:
        if _debugging():
            traceback.print_exc()
        _say(f"error: {explain(cause)}")
        sys.exit(WRONG_USE if isinstance(cause, USERS_FAULT) else FAILED)


def explain(cause: Exception) -> str:
    """One line that says what happened and what to do about it."""
    if isinstance(cause, errors.FrontdeskError):
        words = str(cause)
    elif isinstance(cause, retrieval_errors.CorpusError):
        place = f"{cause.path}:{cause.line}" if cause.line else cause.path
        words = f"{place}: {cause} {cause.hint}"
    elif isinstance(cause, ModuleNotFoundError):
        words = f"the package {cause.name!r} is not installed. Run `frontdesk doctor`."
    elif isinstance(cause, OSError):
        words = f"{_with_file(cause)}. Run `frontdesk doctor` to see what is wrong."
    else:
        hint = getattr(cause, "hint", "") or "FRONTDESK_LOG_LEVEL=debug shows where."
        words = f"{str(cause).removesuffix(hint).strip() or type(cause).__name__} {hint}"
    return " ".join(words.split())


def _with_file(cause: OSError) -> str:
    said = cause.strerror or str(cause)
    return f"{cause.filename}: {said}" if cause.filename else said


def _run(words: list[str]) -> None:
    try:
        from bot.cli import app  # noqa: PLC0415 - may be what is broken
    except ModuleNotFoundError:
        if words[:1] != ["doctor"]:
            raise
        _bare_doctor()
    else:
        app.app(args=words, prog_name="frontdesk")


def _bare_doctor() -> None:
    """The doctor where not even the libraries of the command line are installed."""
    from bot import doctor  # noqa: PLC0415

    findings = doctor.examine({})
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.exit(doctor.exit_code(findings))


def _debugging() -> bool:
    """Whether the settings ask for details; they may be the very thing that is broken."""
    try:
        from bot import config  # noqa: PLC0415 - slow to import, and may be missing its library

        return config.load().log_level == "debug"
    except (errors.ConfigError, ImportError):
        return False


def _say(words: str) -> None:
    sys.stderr.write(f"{words}\n")

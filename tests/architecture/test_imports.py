"""Who may import whom, read from the syntax trees, and what importing a package loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("bot", "classifier", "retrieval")
HEAVY = ("torch", "transformers", "onnxruntime", "faiss", "sqlalchemy", "rasa_sdk")
# Modules that the rest is built on: besides the standard library they may import these.
PLAIN = {
    "bot/domain.py": {"classifier.prediction", "retrieval.candidate"},
    "bot/errors.py": set[str](),
    "bot/records.py": {"bot.domain"},
    "bot/ports.py": {"bot.domain", "bot.records", "classifier.prediction", "retrieval.candidate"},
    "bot/policy.py": {
        "bot.domain",
        "bot.knowledge.model",
        "bot.knowledge.reader",
        "bot.payload",
        "retrieval.candidate",
    },
    "classifier/entities/entity.py": set[str](),
    "classifier/errors.py": set[str](),
    "classifier/prediction.py": set[str](),
    "retrieval/candidate.py": set[str](),
    "retrieval/errors.py": set[str](),
}


def sources(*packages: str) -> list[Path]:
    return sorted(path for package in packages for path in (ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that `path` names in an import, inside functions too, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if is_module(full) else str(node.module)), node.lineno


def is_module(name: str) -> bool:
    path = ROOT.joinpath(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def package(module: str) -> str:
    return module.partition(".")[0]


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


@pytest.mark.parametrize("name", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(name: str) -> None:
    code = f"import sys, {name}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_decides_loads_nothing_heavy() -> None:
    modules = "bot.engine, bot.policy, bot.knowledge.reader, bot.config, bot.store, bot.assembly"
    code = f"import sys, {modules}; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_retrieval_imports_neither_bot_nor_classifier() -> None:
    wrong = [
        f"{place(path, line)} {module}"
        for path in sources("retrieval")
        for module, line in imported(path)
        if package(module) in ("bot", "classifier")
    ]
    assert wrong == []


def test_the_classifier_imports_no_bot_and_only_the_encoders_of_retrieval() -> None:
    wrong = [
        f"{place(path, line)} {module}"
        for path in sources("classifier")
        for module, line in imported(path)
        if package(module) == "bot"
        or (package(module) == "retrieval" and not module.startswith("retrieval.encoders"))
    ]
    assert wrong == []


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_a_module_that_others_build_on_stays_plain(name: str) -> None:
    path = ROOT / name
    wrong = [
        f"{place(path, line)} {module}"
        for module, line in imported(path)
        if module not in PLAIN[name] and package(module) not in sys.stdlib_module_names
    ]
    assert wrong == []


def test_only_the_edges_import_the_web() -> None:
    wrong = [
        f"{place(path, line)} {module}"
        for path in sources(*PACKAGES)
        for module, line in imported(path)
        if package(module) == "aiohttp"
        and not str(path.relative_to(ROOT)).startswith(
            (
                "bot/actions/",
                "bot/bench.py",
                "bot/channels/",
                "bot/cli/",
                "bot/gateway/",
                "bot/stress/",
                "bot/web/",
            )
        )
    ]
    assert wrong == []


def test_only_the_store_imports_sqlalchemy() -> None:
    wrong = [
        f"{place(path, line)} {module}"
        for path in sources(*PACKAGES)
        for module, line in imported(path)
        if package(module) in ("sqlalchemy", "alembic", "sqlite3", "pysqlite3")
        and not str(path.relative_to(ROOT)).startswith(("bot/store/", "bot/doctor/"))
    ]
    assert wrong == []

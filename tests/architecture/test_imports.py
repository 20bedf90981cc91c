"""Who may import whom, and what must not be loaded by importing a package."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

HEAVY = ("torch", "transformers", "onnxruntime", "faiss", "sqlalchemy", "numpy", "aiohttp")
PACKAGES = ("bot", "classifier", "retrieval")
PURE = (
    "bot/domain.py",
    "bot/ports.py",
    "bot/errors.py",
    "classifier/prediction.py",
    "retrieval/candidate.py",
)
FORBIDDEN_CALLS = ("pickle", "joblib", "dill", "shelve", "marshal")


def sources(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Full names of everything that `path` imports, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(package: str) -> None:
    code = f"import sys, {package}; print([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_serving_never_imports_torch() -> None:
    code = (
        "import sys, bot.web.app, bot.web.server, bot.assembly, classifier.model, retrieval.search,"
        " retrieval.encoders.runtime; print([m for m in ('torch', 'transformers')"
        " if m in sys.modules])"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", sources("retrieval"), ids=str)
def test_retrieval_imports_nobody_of_ours(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] in ("bot", "classifier")]


@pytest.mark.parametrize("path", sources("classifier"), ids=str)
def test_the_classifier_imports_the_encoders_only(path: Path) -> None:
    ours = [n for n in imported(path) if n.split(".")[0] in ("bot", "retrieval")]
    assert not [n for n in ours if not n.startswith("retrieval.encoders")]


@pytest.mark.parametrize("path", sources("bot"), ids=str)
def test_the_edges_are_imported_by_edges_only(path: Path) -> None:
    inside = path.relative_to(ROOT / "bot").parts[0]
    if inside not in ("web", "cli", "__main__.py"):
        assert not [n for n in imported(path) if n.startswith(("bot.web", "bot.cli"))]


@pytest.mark.parametrize("name", PURE)
def test_the_words_of_the_domain_need_the_standard_library_only(name: str) -> None:
    roots = {module.split(".")[0] for module in imported(ROOT / name)}
    assert roots <= set(sys.stdlib_module_names) | set(PACKAGES)


@pytest.mark.parametrize("path", [p for name in PACKAGES for p in sources(name)], ids=str)
def test_nothing_can_be_unpickled(path: Path) -> None:
    assert not {name.split(".")[0] for name in imported(path)} & set(FORBIDDEN_CALLS)
    text = path.read_text(encoding="utf-8")
    assert "torch.load" not in text
    assert "allow_pickle=True" not in text


@pytest.mark.parametrize("path", sources("bot"), ids=str)
def test_only_the_settings_read_the_environment(path: Path) -> None:
    if path.name != "config.py":
        assert "os.environ" not in path.read_text(encoding="utf-8")
        assert "getenv" not in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGES)
def test_exports_are_sorted(package: str) -> None:
    for path in (ROOT / package).rglob("__init__.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
                names = ast.literal_eval(node.value)
                assert names == sorted(names), path

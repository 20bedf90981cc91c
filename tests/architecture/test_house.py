"""Habits of the house that no linter knows: exports, pickles, the environment, the settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import config

ROOT = Path(__file__).parents[2]
SOURCES = sorted(
    p for package in ("bot", "classifier", "retrieval") for p in (ROOT / package).rglob("*.py")
)
INITS = [path for path in SOURCES if path.name == "__init__.py"]
PICKLES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def exports(path: Path) -> list[str] | None:
    for node in tree(path).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and "__all__" in ast.unparse(node):
            assert node.value is not None
            found: list[str] = ast.literal_eval(node.value)
            return found
    return None


def attributes(path: Path) -> Iterator[tuple[str, str, int]]:
    """Every `name.attribute` in `path`, with its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr, node.lineno


@pytest.mark.parametrize("path", INITS, ids=name_of)
def test_exports_are_sorted_and_there(path: Path) -> None:
    found = exports(path)
    if found is None:  # only a docstring
        assert all(isinstance(node, ast.Expr) for node in tree(path).body)
        return
    assert found == sorted(set(found))
    body = tree(path).body
    defined = {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    defined |= {
        alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names
    }
    submodules = {p.stem for p in path.parent.iterdir()}
    assert set(found) <= defined | submodules


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_every_module_says_what_it_is(path: Path) -> None:
    if "migrations" in path.parts:
        return
    said = ast.get_docstring(tree(path))
    assert said
    assert said.rstrip().splitlines()[0][-1] in ".:"


def test_nothing_is_pickled() -> None:
    wrong = []
    for path in SOURCES:
        for node in ast.walk(tree(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            wrong += [f"{name_of(path)} {n}" for n in names if n.partition(".")[0] in PICKLES]
        wrong += [
            f"{name_of(path)}:{line} {owner}.{name}"
            for owner, name, line in attributes(path)
            if (owner, name) in {("torch", "load"), ("torch", "save")}
        ]
        wrong += [name_of(path)] * ("allow_pickle=True" in path.read_text(encoding="utf-8"))
    assert wrong == []


def test_only_the_settings_read_the_environment() -> None:
    reading = {
        name_of(path)
        for path in SOURCES
        for owner, name, _ in attributes(path)
        if owner == "os" and name in ("environ", "getenv", "environb", "putenv")
    }
    # These only set a variable: onnxruntime may send no telemetry, OpenMP's threads may not spin.
    setting = {"retrieval/encoders/onnx_quiet.py", "bot/training/waiting.py"}
    assert reading <= {"bot/config.py", *setting}


def test_nothing_is_mocked() -> None:
    patched = [
        name_of(path)
        for path in (ROOT / "tests").rglob("*.py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom | ast.Import) and "mock" in ast.unparse(node)
    ]
    assert patched == []


def rows() -> dict[str, list[str]]:
    """The table of docs/configuration.md by setting: environment variable, default, meaning."""
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return {row[0].strip("`"): row[1:] for row in cells}


def test_the_settings_page_lists_exactly_the_settings() -> None:
    assert list(rows()) == list(config.names())


@pytest.mark.parametrize("name", config.names())
def test_the_settings_page_tells_the_truth(name: str) -> None:
    variable, default, meaning = rows()[name]
    field = config.names()[name]
    assert variable == f"`{config.ENV_PREFIX}{name.upper().replace('.', '__')}`"
    assert default.strip("`") == (str(field.default) or "(empty)")
    assert meaning == field.description

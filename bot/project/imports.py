"""What a project's actions import and this installation does not have.

Actions run beside the bot fail to start without it; Rasa's users have it installed beside Rasa.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

from bot.project.findings import Findings, Parity

RASA = "rasa"
RASA_HINT = "Actions do not need Rasa itself: rasa_sdk has events, forms and types of its own."


def note(root: Path, to: Findings) -> None:
    """Modules that are missing, and code that cannot be read, each with file and line."""
    paths = sorted(root.glob("actions/**/*.py"))
    paths += [root / "actions.py"] if (root / "actions.py").is_file() else []
    for path in paths:
        name = str(path.relative_to(root))
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError) as cause:
            line = getattr(cause, "lineno", None) or 0
            to.note(Parity.UNSUPPORTED, f"cannot be read: {cause}.", name, line)
            continue
        for module, line in _imported(tree.body):
            if not _is_there(module, root):
                hint = RASA_HINT if module == RASA else f"Install what brings {module!r}."
                what = f"imports {module!r}, which is not installed: the actions cannot start."
                to.note(Parity.UNSUPPORTED, what, name, line, hint)


def _imported(body: list[ast.stmt]) -> Iterator[tuple[str, int]]:
    """Top-level names that are imported whenever the module is; `try` may do without."""
    for statement in body:
        if isinstance(statement, ast.Import):
            yield from (
                (alias.name.partition(".")[0], statement.lineno) for alias in statement.names
            )
        elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
            yield statement.module.partition(".")[0], statement.lineno


def _is_there(module: str, root: Path) -> bool:
    if module in sys.stdlib_module_names or module in sys.modules:
        return True
    if (root / module).is_dir() or (root / f"{module}.py").is_file():
        return True
    return importlib.util.find_spec(module) is not None

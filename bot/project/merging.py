"""Other projects that config.yml imports: Rasa's `MultiProjectImporter`.

Their domains, examples, rules and stories join those of the project; where both say something of
one response, slot or form, the project that imports is right. Their configurations serve for
nothing but what they import themselves.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.project import sources as files
from bot.project.findings import Findings, Parity
from bot.project.sources import Source, plain

MERGING = "MultiProjectImporter"
KNOWN = (MERGING, "RasaFileImporter")
CONFIG_KEYS = ("imports", "importers", "pipeline", "policies", "recipe", "language")
TEST_PREFIX = "test_"
ASIDE = ("credentials.yml", "endpoints.yml")
"""Of a project that is imported, nobody reads these."""


def read(
    root: Path, config: Source | None, own: Sequence[Source], findings: Findings
) -> tuple[Source, ...]:
    """The files of all projects that `config` imports, and that those import; tests are not.

    Args:
        root: the folder of the project that imports.
        config: its config.yml.
        own: its files that are read already.
        findings: where an import leads nowhere, the file and the line; and what is not followed.
    """
    if config is None:
        return ()
    importers = [_name(one) for one in _listed(config, "importers")]
    for name in importers:
        if name not in KNOWN:
            what = f"importers: {name}: code of one's own is not run."
            line = config.line(config.data, "importers")
            findings.note(Parity.UNSUPPORTED, what, config.name, line)
    if MERGING not in importers:
        if _listed(config, "imports"):
            what = f"imports: read by nobody without {MERGING}, as in Rasa."
            hint = f"Add `importers: [{{name: {MERGING}}}]` to merge those projects in."
            line = config.line(config.data, "imports")
            findings.note(Parity.SAME, what, config.name, line, hint)
        return ()
    seen = {root.resolve(), *(source.path.resolve() for source in (config, *own))}
    found = _Imports(root=root, findings=findings, seen=seen)
    found.follow(config)
    return tuple(found.sources)


def is_wanted(config: Path) -> bool:
    """Whether a config.yml names the importer, at a glance."""
    return config.is_file() and MERGING.encode() in config.read_bytes()


@dataclass(slots=True)
class _Imports:
    root: Path
    findings: Findings
    seen: set[Path]
    """Folders and files that are read already."""
    sources: list[Source] = field(default_factory=list)

    def follow(self, config: Source) -> None:
        """Read what `config` imports, in its order."""
        for place, name in enumerate(_listed(config, "imports")):
            path = Path(os.path.normpath(config.path.parent / str(name)))
            if not path.exists():
                line = config.line(config.data["imports"], place)
                hint = f"Write it relative to the folder of {config.name}, or take the line out."
                self.findings.wrong(f"imports {name!r}: not found.", config.name, line, hint)
            elif self._is_new(path.resolve()):  # projects may import each other
                self._read(path)

    def _read(self, path: Path) -> None:
        for file in files.below(path):
            is_new = file == path or self._is_new(file.resolve())
            if not is_new or file.name.startswith(TEST_PREFIX) or file.name in ASIDE:
                continue
            source = files.load(file, self.root, self.findings)
            if source is None:
                continue
            if any(key in source.data for key in CONFIG_KEYS):
                self.follow(source)
            else:
                self.sources.append(replace(source, is_imported=True))

    def _is_new(self, path: Path) -> bool:
        is_new = path not in self.seen
        self.seen.add(path)
        return is_new


def _listed(config: Source, key: str) -> Sequence[Any]:
    found = plain(config.data.get(key))
    return found if isinstance(found, list) else []


def _name(importer: Any) -> str:
    return str(importer.get("name") if isinstance(importer, Mapping) else importer)

"""Labelled texts from the files that people have: CSV, TSV, JSONL, Rasa NLU YAML."""

from __future__ import annotations

import codecs
import csv
import io
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from classifier import errors, rasa_yaml
from classifier.dataset import LabelledText

TEXT_NAMES = ("text", "utterance", "question", "query", "sentence", "message")
LABEL_NAMES = ("intent", "label", "category", "class")
TABLES, LINES, YAMLS = (".csv", ".tsv"), (".jsonl", ".ndjson"), (".yml", ".yaml")
PLAIN = ".txt"
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SHOWN = 8  # columns that an error lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which columns to read; None finds them by their usual names."""

    text: str | None = None
    label: str | None = None


def read(path: Path, columns: Columns | None = None) -> tuple[LabelledText, ...]:
    """All labelled texts of a file (or of a folder of Rasa NLU files), in its order.

    UTF-8, UTF-16 and GB18030 are read.

    Raises:
        errors.DatasetError: names the file, the line and the remedy.
    """
    chosen = columns or Columns()
    name = str(path)
    if path.is_dir():
        found = [e for file in sorted(path.rglob("*.y*ml")) for e in _yaml(file)]
    elif path.suffix.lower() in YAMLS:
        found = list(_yaml(path))
    else:
        names = (
            _Wanted("text", TEXT_NAMES, chosen.text),
            _Wanted("label", LABEL_NAMES, chosen.label),
        )
        found = [
            LabelledText(text=text, intent=label, path=name, line=line)
            for line, (text, label) in _rows(path, names)
        ]
    if not found:
        raise _error(name, 0, "no examples in it.", "Give a file with texts and their labels.")
    return tuple(found)


def read_texts(path: Path, columns: Columns | None = None) -> tuple[str, ...]:
    """The texts of a file; labels need not be there. `.txt` holds one text a line.

    Raises:
        errors.DatasetError: names the file, the line and the remedy.
    """
    chosen = columns or Columns()
    if path.suffix.lower() == PLAIN:
        return tuple(line.strip() for line in _decoded(path).splitlines() if line.strip())
    if path.suffix.lower() in YAMLS or path.is_dir():
        return tuple(example.text for example in read(path))
    names = (_Wanted("text", TEXT_NAMES, chosen.text),)
    return tuple(text for _, (text,) in _rows(path, names))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A column that is looked for."""

    what: str
    names: tuple[str, ...]
    given: str | None

    def find(self, header: Sequence[str], name: str) -> str:
        if self.given is not None:
            if self.given in header:
                return self.given
            raise _error(name, 1, f"no column {self.given!r}.", f"Its columns: {_listed(header)}.")
        folded = {str(column).strip().casefold(): column for column in header}
        for usual in self.names:
            if usual in folded:
                return folded[usual]
        raise _error(
            name,
            1,
            f"no {self.what} column found among {_listed(header)}.",
            f"Name it with --{self.what}-column.",
        )


Row = tuple[int, tuple[str, ...]]


def _rows(path: Path, wanted: Sequence[_Wanted]) -> Iterator[Row]:
    kind = path.suffix.lower()
    if kind in TABLES:
        return _table(path, wanted)
    if kind in LINES:
        return _lines(path, wanted)
    known = ", ".join((*TABLES, *LINES, *YAMLS))
    raise _error(str(path), 0, f"the ending {kind!r} is not known.", f"Known: {known}.")


def _table(path: Path, wanted: Sequence[_Wanted]) -> Iterator[Row]:
    name, text = str(path), _decoded(path)
    if not text.strip():
        raise _error(name, 0, "the file is empty.", "Give a file with texts and their labels.")
    csv.field_size_limit(sys.maxsize)
    first = text.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [column.strip() for column in next(reader, [])]
        places = [header.index(column.find(header, name)) for column in wanted]
        line = reader.line_num + 1
        for cells in reader:
            if cells:
                if len(cells) <= max(places):
                    raise _error(
                        name,
                        line,
                        f"{len(cells)} columns, the header has {len(header)}.",
                        "Put quotes around texts that contain the separator or a new line.",
                    )
                yield line, _checked([cells[place] for place in places], wanted, name, line)
            line = reader.line_num + 1
    except csv.Error as cause:
        raise _error(name, reader.line_num, f"{cause}.", "Check the quotes there.") from cause


def _lines(path: Path, wanted: Sequence[_Wanted]) -> Iterator[Row]:
    name = str(path)
    for line, text in enumerate(_decoded(path).splitlines(), start=1):
        if not text.strip():
            continue
        try:
            entry: Any = json.loads(text)
        except ValueError as cause:
            raise _error(name, line, f"not JSON: {cause}.", "One object a line.") from cause
        if not isinstance(entry, Mapping):
            raise _error(name, line, "not a JSON object.", 'Write {"text": ..., "intent": ...}.')
        cells = [entry[column.find(list(entry), name)] for column in wanted]
        wrong = next((cell for cell in cells if not isinstance(cell, str)), "")
        if not isinstance(wrong, str):
            raise _error(name, line, f"{wrong!r} is no text.", "Put it in quotes.")
        yield line, _checked(cells, wanted, name, line)


def _checked(
    cells: Sequence[str], wanted: Sequence[_Wanted], name: str, line: int
) -> tuple[str, ...]:
    stripped = tuple(cell.strip() for cell in cells)
    for cell, column in zip(stripped, wanted, strict=True):
        if not cell:
            raise _error(
                name, line, f"the {column.what} is empty.", f"Write a {column.what} or delete it."
            )
    label = stripped[-1]
    if len(stripped) > 1 and not label.isprintable():
        raise _error(name, line, f"the label {label!r} has control characters.", "Remove them.")
    return stripped


def _yaml(path: Path) -> Iterator[LabelledText]:
    try:
        yield from rasa_yaml.read_nlu([path], root=path.parent)
    except errors.DatasetError as cause:
        message = str(cause).removesuffix(cause.hint).strip()
        raise _error(str(path), cause.line, message, cause.hint) from cause


def _decoded(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise _error(str(path), 0, f"{cause.strerror}.", "Check the path.") from cause
    encodings = [name for mark, name in BOMS if data.startswith(mark)]
    if not encodings and b"\0" in data[:200]:
        encodings = ["utf-16-le" if data[1:2] == b"\0" else "utf-16-be"]
    for encoding in encodings or ["utf-8", "gb18030"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return text
    raise _error(str(path), 0, "neither UTF-8, UTF-16 nor GB18030.", "Save the file as UTF-8.")


def _listed(names: Sequence[str]) -> str:
    more = ", ..." if len(names) > SHOWN else ""
    return ", ".join(repr(name[:40]) for name in names[:SHOWN]) + more


def _error(name: str, line: int, message: str, hint: str) -> errors.DatasetError:
    place = f"{name}:{line}" if line else name
    return errors.DatasetError(f"{place}: {message}", path=name, line=line, hint=hint)

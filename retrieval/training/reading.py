"""Training files: CSV or JSONL of pairs, labelled texts or answers; folders in BEIR layout."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from retrieval import errors, evaluation
from retrieval.encoders.spec import Side
from retrieval.readers import files
from retrieval.training.material import Material, Text, joined, of_answers

MAX_CHARS = 4_000  # of a text; longer ones are no question, and cut by every encoder
SAME, OTHER = ("1", "true", "yes"), ("0", "false", "no")
QUESTION = ("question", "query", "anchor", "instruction", "text_1")
ANSWER = ("answer", "response")
ALIKE = ("positive", "paraphrase", "text_2")
LABELLED = ("text", "utterance")
LABELS = ("intent", "category", "label")
HINT = (
    "Give columns question and answer, or text_1, text_2 and same (1 or 0), or question, positive "
    "and negative, or text and intent; or a file of answers, or a BEIR folder with qrels/train.tsv."
)
Row = Mapping[str, str]


def read(path: Path) -> Material:
    """What can be learned from the file or folder at `path`.

    Raises:
        errors.CorpusError: nobody reads such files, a row is broken, or there is nothing to learn.
    """
    if path.is_dir():
        found = _beir(path)
    else:
        rows = list(_rows(path))
        columns = set(rows[0]) if rows else set[str]()
        found = _answers(path) if "questions" in columns else _material(rows, columns, path)
    if not any(len(group) > 1 for group in found.groups):
        raise errors.CorpusError("no two texts belong together.", path=str(path), hint=HINT)
    return found


def _answers(path: Path) -> Material:
    found = files.read(path)
    if found.problems:
        raise found.problems[0]
    return of_answers(found.answers)


def _beir(folder: Path) -> Material:
    """The queries of the training part with what answers them. Other parts are not looked at."""
    found = evaluation.read_beir(folder, "train")
    answers = {answer.id: answer for answer in found.answers}
    pairs = []
    for name, text in found.queries.items():
        for document in found.relevant[name]:
            if document in answers:
                answer, query = answers[document], Text(text, Side.QUERY)
                pairs.append((query, Text(answer.questions[0], Side.QUERY)))
                if answer.text != answer.questions[0]:
                    pairs.append((query, Text(answer.text, Side.PASSAGE)))
    return Material(joined(pairs))


def _material(rows: list[Row], columns: set[str], path: Path) -> Material:
    def named(names: tuple[str, ...]) -> str:
        return next((name for name in names if name in columns), "")

    question, answer, alike = named(QUESTION), named(ANSWER), named(ALIKE)
    text, label = named(LABELLED), named(LABELS)
    if question and alike:
        return _of_pairs(rows, question, alike, path)
    if question and answer:
        return _of_answers(rows, question, answer)
    if text and label:
        return _of_labels(rows, text, label)
    raise errors.CorpusError(
        f"the columns {', '.join(sorted(columns)) or '(none)'} make no pairs.",
        path=str(path), line=1, hint=HINT,
    )  # fmt: skip


def _of_pairs(rows: list[Row], left: str, right: str, path: Path) -> Material:
    same: list[tuple[Text, Text]] = []
    unlike: list[tuple[Text, Text]] = []
    for line, row in enumerate(rows, start=2):
        pair = _text(row, left), _text(row, right)
        verdict = str(row.get("same", SAME[0])).strip().lower()
        if verdict not in SAME + OTHER:
            raise errors.CorpusError(
                f"column 'same' is {verdict!r}.", path=str(path), line=line, hint="Write 1 or 0."
            )
        (same if verdict in SAME else unlike).append(pair)
        if row.get("negative"):
            unlike.append((pair[0], _text(row, "negative")))
    return Material(joined(same), tuple(unlike))


def _of_answers(rows: list[Row], question: str, answer: str) -> Material:
    """Of each question its answers. Equal answers ("Yes.") do not make two questions alike."""
    found: dict[Text, dict[Text, None]] = {}
    for row in rows:
        asked, said = _text(row, question), _text(row, answer, Side.PASSAGE)
        if asked.text and said.text:
            found.setdefault(asked, {asked: None})[said] = None
    return Material(tuple(tuple(group) for group in found.values()))


def _of_labels(rows: list[Row], text: str, label: str) -> Material:
    found: dict[str, dict[Text, None]] = {}
    for row in rows:
        found.setdefault(str(row[label]), {})[_text(row, text)] = None
    return Material(tuple(tuple(group) for group in found.values()))


def _text(row: Row, column: str, side: Side = Side.QUERY) -> Text:
    return Text(str(row.get(column) or "").strip()[:MAX_CHARS], side)


def _rows(path: Path) -> Iterator[Row]:
    try:
        if path.suffix.lower() == ".jsonl":
            yield from _json_rows(path)
            return
        if path.suffix.lower() != ".csv":
            raise errors.CorpusError("is no training file.", path=str(path), hint=HINT)
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            for row in reader:
                if None in row or None in row.values():
                    raise errors.CorpusError(
                        "has not as many cells as the header.", path=str(path),
                        line=reader.line_num, hint='Put cells with a comma into "quotes".',
                    )  # fmt: skip
                yield {name.strip().lower(): cell for name, cell in row.items()}
    except (OSError, UnicodeDecodeError, csv.Error) as cause:
        raise errors.CorpusError(f"cannot be read: {cause}.", path=str(path), hint=HINT) from cause


def _json_rows(path: Path) -> Iterator[Row]:
    for line, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = json.loads(text)
            yield {str(name).lower(): cell for name, cell in row.items()}
        except (ValueError, AttributeError) as cause:
            raise errors.CorpusError(
                f"no JSON object: {cause}.", path=str(path), line=line, hint=HINT
            ) from cause

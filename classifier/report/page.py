"""Writes the report into a model folder: one page for people, its pictures, JSON and the card."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from pathlib import Path

from classifier.report import advice, card, figures, markup, measured, mistakes, sections
from classifier.report.evidence import Evidence
from classifier.report.measured import Measured
from classifier.report.words import Said

FOLDER = "report"


def write(folder: Path, evidence: Evidence) -> None:
    """Write `report/` and `MODEL_CARD.md` into the model folder `folder`, which must exist.

    Raises:
        OSError: the folder cannot be written to.
    """
    found = measured.measure(evidence)
    sentences = advice.advise(evidence, found)
    pictures = draw(evidence, found)
    report = folder / FOLDER
    report.mkdir(exist_ok=True)
    for name, svg in pictures.items():
        (report / f"{name}.svg").write_text(svg, encoding="utf-8")
    numbers = json.dumps(
        measured.as_dict(evidence, found), indent=1, ensure_ascii=False, allow_nan=False
    )
    # A lone surrogate is no UTF-8; a sentence that holds one must not cost the report.
    (report / "report.json").write_text(numbers + "\n", encoding="utf-8", errors="replace")
    (report / "report.html").write_text(html(evidence, found, sentences, pictures), "utf-8")
    (folder / "MODEL_CARD.md").write_text(card.render(evidence, found, sentences), "utf-8")


def draw(evidence: Evidence, found: Measured) -> dict[str, str]:
    """SVG documents by name; a picture with nothing to show is left out."""
    pictures = {
        "confusion": figures.confusion(found.matrix, evidence.labels),
        "reliability": figures.reliability(found.bins),
        "risk-coverage": figures.risk_coverage(found.curve, evidence.thresholds),
    }
    if len(evidence.learning_curve) > 1:
        pictures["learning-curve"] = figures.learning_curve(evidence.learning_curve)
    if evidence.scope is not None:
        pictures["scope"] = figures.scope(evidence.scope)
    return pictures


def html(
    evidence: Evidence, found: Measured, sentences: tuple[Said, ...], pictures: dict[str, str]
) -> str:
    """The whole page. It asks for nothing else and runs no script but its own."""
    style, script = _part("page.css"), _part("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    body = "".join(
        (
            sections.headline(evidence, found),
            sections.next_steps(evidence, sentences),
            mistakes.confusions(evidence, found),
            mistakes.suspects(evidence, found),
            sections.intents(found),
            sections.pictures(evidence, found, pictures),
            sections.dial(found),
            sections.scope(found),
            sections.notes(evidence),
            sections.facts(evidence),
        )
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Model report · 模型报告</title>\n<style>{style}</style>\n</head>\n<body>\n"
        f"{sections.switch()}<main>{body}</main>\n{_footer()}"
        f"<script>{script}</script>\n</body>\n</html>\n"
    )


def _footer() -> str:
    warning = Said(
        "This page quotes sentences from your data. Treat it like the data.",
        "本页引用了您数据中的句子，请按数据的保密要求对待。",
    )
    return f"<footer>{markup.paragraph(warning)}</footer>\n"


def _part(name: str) -> str:
    return resources.files("classifier.report").joinpath(name).read_text(encoding="utf-8")

"""What a training found out, as the evidence of its report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from classifier import inspection
from classifier.dataset import LabelledText
from classifier.report import page
from classifier.report.evidence import Evidence, Scope, Text
from classifier.risk import RiskPoint
from classifier.train import Trained, gold_of

MEGABYTE = 1e6
QUOTED = 500  # characters of a text that a report quotes


def write(
    folder: Path,
    trained: Trained,
    examples: tuple[LabelledText, ...],
    *,
    notes: tuple[Text, ...] = (),
    seconds: float | None = None,
) -> None:
    """Write the report and the card of `trained` into its `folder`, before that is sealed.

    Args:
        folder: where the files of the model lie.
        trained: the model and what it said of texts that it had not seen.
        examples: all that it was made from.
        notes: sentences on how it came to be.
        seconds: how long the training took, if known.
    """
    manifest = trained.manifest
    texts = tuple(example.text for example in trained.tested)
    evidence = Evidence(
        texts=tuple(_short(text) for text in texts),
        labels=manifest.labels,
        gold=gold_of(trained.tested, manifest.labels),
        probabilities=trained.probabilities,
        source=manifest.measured_on,
        places=tuple(f"{Path(e.path).name}:{e.line}" for e in trained.tested),
        languages=tuple(inspection.language_of(text) for text in texts),
        learning_curve=trained.learning_curve,
        thresholds=tuple(RiskPoint(**point) for point in manifest.risk),
        scope=Scope(familiarity=trained.familiarity, threshold=trained.refused_below),
        facts=_facts(folder, trained, len(examples), seconds),
        notes=(*notes, *trained.notes),
        findings=tuple((f.en, f.zh) for f in inspection.inspect(examples).findings),
    )
    page.write(folder, evidence)


def _short(text: str) -> str:
    return text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"


def _facts(
    folder: Path, trained: Trained, examples: int, seconds: float | None
) -> Mapping[str, Text]:
    manifest = trained.manifest
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    facts: dict[str, Text] = {
        "method": manifest.method,
        "encoder": manifest.encoder,
        "examples": str(examples),
        "seed": str(manifest.arguments["seed"]),
        "size": f"{size / MEGABYTE:.1f} MB",
        "data hash": manifest.data_hash[:12],
        "created": manifest.created_at,
        "versions": ", ".join(f"{name} {number}" for name, number in manifest.versions.items()),
    }
    facts |= trained.facts
    if seconds is not None:
        facts["training time"] = f"{seconds:.0f} s"
    return facts

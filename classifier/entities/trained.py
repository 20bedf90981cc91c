"""The trained extractor: a linear-chain conditional random field over words and characters.

It learns from the marked examples in seconds, roles and groups too. Its folder holds the weights
(CRFsuite's own format, numbers only), the patterns that are among its features, and a manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from classifier import artifact, errors
from classifier.entities import labels, token_features, tokens
from classifier.entities.entity import Entity
from classifier.entities.patterns import PatternExtractor
from classifier.entities.reading import EntityData, Named

if TYPE_CHECKING:
    import pycrfsuite

NAME = "TrainedEntityExtractor"
WEIGHTS, PATTERNS = "tokens.crfsuite", "patterns.json"
FORMAT = 1
# Little regularisation: marked examples are few, and what they show is meant.
PARAMETERS = {"c1": 0.05, "c2": 0.01, "max_iterations": 100, "feature.possible_transitions": True}
_HINT = "Train again with `frontdesk train`."


class TrainedExtractor:
    """Finds what the marked examples taught; safe to call from one thread at a time."""

    def __init__(self, tagger: pycrfsuite.Tagger, finder: PatternExtractor, name: str) -> None:
        """Serve what `load` read."""
        self._tagger = tagger
        self._finder = finder
        self._name = name

    def extract(self, text: str) -> tuple[Entity, ...]:
        """The entities in `text` from left to right, with the probability of each."""
        pieces = tokens.split(text)
        if not pieces:
            return ()
        said = self._tagger.tag(token_features.of_tokens(pieces, self._finder.extract(text)))
        found = []
        for (entity, role, group), first, end in labels.spans(said):
            sure = min(self._tagger.marginal(said[i], i) for i in range(first, end))
            start, stop = pieces[first].start, pieces[end - 1].end
            found.append(
                Entity(
                    entity=entity,
                    value=text[start:stop],
                    start=start,
                    end=stop,
                    role=role,
                    group=group,
                    extractor=self._name,
                    confidence=round(float(sure), 4),
                )
            )
        return tuple(found)


def fingerprint(data: EntityData) -> str:
    """SHA-256 over what is learned from: names the data of a model."""
    marked = [(e.text, [entity.to_wire() for entity in e.entities]) for e in data.examples]
    parts = [sorted(marked), *([[n.name, n.text] for n in named] for named in _named(data))]
    text = json.dumps([FORMAT, parts], ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def train(data: EntityData, folder: Path) -> None:
    """Learn from `data` into the new `folder`, which appears whole or not at all.

    Raises:
        errors.DatasetError: no example has a mark.
    """
    import pycrfsuite  # noqa: PLC0415 - loaded when it is needed

    if not data.names:
        raise errors.DatasetError(
            "no example has an entity marked.", hint="Mark some: `where is [WS-1](order)`."
        )
    finder = _finder(data)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=PARAMETERS, verbose=False)
    for example in data.examples:
        pieces = tokens.split(example.text)
        if pieces:
            seen = token_features.of_tokens(pieces, finder.extract(example.text))
            trainer.append(seen, labels.of_entities(pieces, example.entities))
    with artifact.new_folder(folder) as building:
        trainer.train(str(building / WEIGHTS))
        _write(building / PATTERNS, [[asdict(n) for n in named] for named in _named(data)])
        files = {name: artifact.file_hash(building / name) for name in (WEIGHTS, PATTERNS)}
        manifest = {
            "format": FORMAT,
            "data_hash": fingerprint(data),
            "entities": sorted(data.names),
            "arguments": PARAMETERS,
            "files": files,
        }
        _write(building / artifact.MANIFEST, manifest)


def load(folder: Path, *, name: str = NAME) -> TrainedExtractor:
    """The extractor in `folder`, after every file was checked against its hash.

    Raises:
        errors.ArtifactError: no such folder, another format, a file missing or changed.
    """
    import pycrfsuite  # noqa: PLC0415 - loaded when it is needed

    try:
        manifest = json.loads((folder / artifact.MANIFEST).read_text(encoding="utf-8"))
        changed = [n for n, wanted in manifest["files"].items() if _hash(folder / n) != wanted]
        if manifest["format"] != FORMAT or changed or set(manifest["files"]) != {WEIGHTS, PATTERNS}:
            raise errors.ArtifactError(f"{folder} is of another format or was changed.", hint=_HINT)
        regexes, lookups = json.loads((folder / PATTERNS).read_text(encoding="utf-8"))
        data = EntityData(
            regexes=tuple(Named(**n) for n in regexes), lookups=tuple(Named(**n) for n in lookups)
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise errors.ArtifactError(f"{folder} is no entity model: {cause}.", hint=_HINT) from cause
    tagger = pycrfsuite.Tagger()
    tagger.open(str(folder / WEIGHTS))
    return TrainedExtractor(tagger, _finder(data), name)


def _finder(data: EntityData) -> PatternExtractor:
    """What `data` describes by patterns, in training and serving alike."""
    return PatternExtractor(data, use_word_boundaries=False, only_entities=False)


def _named(data: EntityData) -> Sequence[Sequence[Named]]:
    return (data.regexes, data.lookups)


def _hash(path: Path) -> str:
    return artifact.file_hash(path) if path.is_file() else ""


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

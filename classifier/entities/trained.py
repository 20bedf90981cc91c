"""The trained extractor: a linear-chain conditional random field over words and characters.

It learns from the marked examples in seconds, roles and groups too. Its folder holds the weights
(CRFsuite's own format, numbers only), the patterns that are among its features, and a manifest.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from classifier import artifact, errors
from classifier.entities import known, labels, token_features, tokens
from classifier.entities.entity import AnnotatedText, Entity
from classifier.entities.known import Known, Value
from classifier.entities.patterns import PatternExtractor
from classifier.entities.reading import EntityData, Named
from classifier.entities.tokens import Token

if TYPE_CHECKING:
    import pycrfsuite

NAME = "TrainedEntityExtractor"
WEIGHTS, PATTERNS = "tokens.crfsuite", "patterns.json"
FORMAT = 2
VARIATIONS = 4
"""So often each marked example is varied with the values of others."""
FEW = 1000
"""Up to so many marked examples are varied, and marked values are features: more teach enough."""
# Little regularisation: marked examples are few, and what they show is meant.
PARAMETERS = {"c1": 0.05, "c2": 0.01, "max_iterations": 100, "feature.possible_transitions": True}
_HINT = "Train again with `frontdesk train`."


class TrainedExtractor:
    """Finds what the marked examples taught; safe to call from one thread at a time."""

    def __init__(self, tagger: pycrfsuite.Tagger, seer: _Seer, name: str) -> None:
        """Serve what `load` read."""
        self._tagger = tagger
        self._seer = seer
        self._name = name

    def extract(self, text: str) -> tuple[Entity, ...]:
        """The entities in `text` from left to right, with the probability of each."""
        pieces = tokens.split(text)
        if not pieces:
            return ()
        said = self._tagger.tag(self._seer.features(text, pieces))
        spans = list(labels.spans(said))
        if not spans and (whole := self._seer.known.alone(pieces)):
            spans = [whole]
        found = []
        for (entity, role, group), first, end in spans:
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


class _Seer:
    """What a text looks like to the model, in training and serving alike."""

    def __init__(self, patterns: EntityData, values: Known) -> None:
        self._finder = PatternExtractor(patterns, use_word_boundaries=False, only_entities=False)
        self.known = values

    def features(
        self, text: str, pieces: Sequence[Token], without: frozenset[str] = frozenset()
    ) -> list[list[str]]:
        """One list of names for each token."""
        seen = token_features.of_tokens(pieces, self._finder.extract(text))
        values = self.known.around(pieces, without)
        return [[*own, *more] for own, more in zip(seen, values, strict=True)]


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
    few = sum(bool(example.entities) for example in data.examples) <= FEW
    values = known.learned(data.examples) if few else Known({})
    seer = _Seer(data, values)
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", params=PARAMETERS, verbose=False)
    for example, without in _lessons(data.examples, few=few):
        pieces = tokens.split(example.text)
        if pieces:
            seen = seer.features(example.text, pieces, without)
            trainer.append(seen, labels.of_entities(pieces, example.entities))
    with artifact.new_folder(folder) as building:
        trainer.train(str(building / WEIGHTS))
        named = [[asdict(n) for n in kind] for kind in _named(data)]
        _write(building / PATTERNS, [*named, {k: asdict(v) for k, v in values.values.items()}])
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
        regexes, lookups, values = json.loads((folder / PATTERNS).read_text(encoding="utf-8"))
        data = EntityData(
            regexes=tuple(Named(**n) for n in regexes), lookups=tuple(Named(**n) for n in lookups)
        )
        seer = _Seer(data, Known({key: _value(written) for key, written in values.items()}))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
        raise errors.ArtifactError(f"{folder} is no entity model: {cause}.", hint=_HINT) from cause
    tagger = pycrfsuite.Tagger()
    tagger.open(str(folder / WEIGHTS))
    return TrainedExtractor(tagger, seer, name)


def _lessons(
    examples: Sequence[AnnotatedText], *, few: bool
) -> Iterator[tuple[AnnotatedText, frozenset[str]]]:
    """What is taught, each with the values that it must be understood without knowing.

    Few marked examples come again as if their values were new, or nothing but known values would
    be found, and with the values of others.
    """
    for example in examples:
        yield example, frozenset()
    if not few:
        return
    for example in examples:
        if example.entities:
            own = (known.key(known.marked(example, entity)) for entity in example.entities)
            yield example, frozenset(own)
    for example in known.varied(examples, VARIATIONS):
        yield example, frozenset()


def _value(written: Mapping[str, Any]) -> Value:
    entity, role, group = written["kind"]
    return Value(kind=(entity, role, group), alone=bool(written["alone"]))


def _named(data: EntityData) -> Sequence[Sequence[Named]]:
    return (data.regexes, data.lookups)


def _hash(path: Path) -> str:
    return artifact.file_hash(path) if path.is_file() else ""


def _write(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")

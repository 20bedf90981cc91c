"""Reads config.yml: the language, the policies, when understanding is too unsure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bot.dialogue import guessing, memoization, names
from bot.dialogue.domain import Domain
from bot.dialogue.rules import PRIORITY as RULE_PRIORITY
from bot.dialogue.rules import Fallback
from bot.dialogue.training import PolicySpec
from bot.project.findings import Findings, Parity
from bot.project.sources import Source, plain

DEFAULT_POLICIES = ("MemoizationPolicy", "RulePolicy")
GUESSING = ("TEDPolicy", "UnexpecTEDIntentPolicy")
ENTITY_COMPONENTS = (
    "RegexEntityExtractor",
    "EntitySynonymMapper",
    "CRFEntityExtractor",
    "DIETClassifier",
    "DucklingEntityExtractor",
    "ReadyEntityExtractor",
    "TrainedEntityExtractor",
)


FOREIGN_EXTRACTORS = ("SpacyEntityExtractor", "MitieEntityExtractor")
"""They find entities that no example marks, with models of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NluFallback:
    """When a message counts as not understood."""

    threshold: float = 0.3
    ambiguity: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What config.yml says to us."""

    language: str = "en"
    policies: tuple[PolicySpec, ...] = ()
    fallback: NluFallback | None = None
    """None: every message counts as understood."""
    components: tuple[str, ...] = ()
    """The pipeline, by name."""
    pipeline: tuple[Mapping[str, Any], ...] = ()
    """The pipeline with its options; each has a `name`."""


def read(source: Source | None, domain: Domain, findings: Findings) -> Config:
    """The configuration; notes what is done otherwise here."""
    raw: dict[str, Any] = plain(source.data) if source else {}
    reader = _Reader(source, domain, findings)
    reader.note_kind(raw)
    written = raw.get("pipeline") or []
    pipeline = [_component(one) for one in ([written] if isinstance(written, str) else written)]
    reader.note_pipeline(pipeline)
    fallback = next((o for name, o in pipeline if name == "FallbackClassifier"), None)
    if fallback is None and _is_left_to_rasa(raw, "pipeline"):
        fallback = {}
        reader.note_default_pipeline()
    listed = raw.get("policies")
    if not isinstance(listed, list):
        to_rasa = _is_left_to_rasa(raw, "policies")
        listed = [{"name": name} for name in DEFAULT_POLICIES]
        listed += [{"name": "TEDPolicy", "max_history": 5}] if to_rasa else []
    return Config(
        language=str(raw.get("language") or "en"),
        policies=tuple(reader.policies([_component(one) for one in listed])),
        fallback=None if fallback is None else _fallback(fallback),
        components=tuple(name for name, _ in pipeline),
        pipeline=tuple({**options, "name": name} for name, options in pipeline),
    )


def _is_left_to_rasa(raw: Mapping[str, Any], key: str) -> bool:
    """Whether config.yml leaves this open and Rasa would fill in its default."""
    return raw.get(key) is None and (key in raw or "recipe" in raw)


def _component(written: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(written, Mapping):
        return str(written.get("name")).rpartition(".")[2], dict(written)
    return str(written).rpartition(".")[2], {}


def _is_own(path: str) -> bool:
    """Whether a component is named by a module that is not Rasa's."""
    return "." in path and not path.startswith("rasa.")


def _fallback(options: Mapping[str, Any]) -> NluFallback:
    threshold = options.get("threshold", options.get("confidence_threshold", 0.3))
    return NluFallback(
        threshold=float(threshold), ambiguity=float(options.get("ambiguity_threshold", 0.1))
    )


class _Reader:
    def __init__(self, source: Source | None, domain: Domain, findings: Findings) -> None:
        self._source = source
        self._domain = domain
        self._findings = findings

    def _note(self, parity: Parity, what: str) -> None:
        name = self._source.name if self._source else "config.yml"
        self._findings.note(parity, what, name)

    def policies(self, listed: list[tuple[str, dict[str, Any]]]) -> Iterator[PolicySpec]:
        """The policies that run here; networks are replaced by memory."""
        for name, options in listed:
            history = options.get("max_history")
            priority = options.get("priority")
            if name == "RulePolicy":
                yield self._rules(options)
            elif name in ("MemoizationPolicy", "AugmentedMemoizationPolicy"):
                augmented = name == "AugmentedMemoizationPolicy"
                yield PolicySpec(
                    name=name,
                    kind="augmented" if augmented else "memoization",
                    max_history=history,
                    priority=memoization.PRIORITY if priority is None else int(priority),
                )
            elif name == "TEDPolicy":
                self._note(
                    Parity.DIFFERS,
                    "TEDPolicy: no dialogue network is trained. Stories are remembered; where the "
                    "past fits none, what most of them do after the same last steps is done.",
                )
                yield PolicySpec(
                    name=guessing.NAME,
                    kind="guess",
                    max_history=history,
                    priority=guessing.PRIORITY if priority is None else int(priority),
                )
            else:
                self._note(Parity.UNSUPPORTED, f"policy {name}: not run.")

    def _rules(self, options: Mapping[str, Any]) -> PolicySpec:
        action = str(options.get("core_fallback_action_name") or names.DEFAULT_FALLBACK)
        if action not in self._domain.known_actions:
            self._findings.wrong(
                f"the fallback action {action!r} is not in the domain.",
                self._source.name if self._source else "config.yml",
                0,
                "Add it under `actions:` or `responses:`, or change core_fallback_action_name.",
            )
        return PolicySpec(
            name="RulePolicy",
            kind="rule",
            priority=int(options.get("priority", RULE_PRIORITY)),
            fallback=Fallback(
                action=action,
                score=float(options.get("core_fallback_threshold", 0.3)),
                enabled=bool(options.get("enable_fallback_prediction", True)),
            ),
            restrict_rules=bool(options.get("restrict_rules", True)),
            check_for_contradictions=bool(options.get("check_for_contradictions", True)),
        )

    def note_kind(self, raw: Mapping[str, Any]) -> None:
        """Say which parts of config.yml as a whole are not followed."""
        recipe = raw.get("recipe") or "default.v1"
        if recipe != "default.v1":
            self._note(
                Parity.UNSUPPORTED,
                f"recipe {recipe}: graphs are not run; the default policies decide.",
            )

    def note_default_pipeline(self) -> None:
        """Say what an empty pipeline means."""
        default = NluFallback()
        self._note(
            Parity.SAME,
            "pipeline: none is written. As with Rasa's default, a message below "
            f"{default.threshold:g}, or less than {default.ambiguity:g} above the next intent, is "
            "nlu_fallback.",
        )

    def note_pipeline(self, pipeline: list[tuple[str, dict[str, Any]]]) -> None:
        """Say what understands messages here instead of the pipeline."""
        known = (*ENTITY_COMPONENTS, *FOREIGN_EXTRACTORS, "FallbackClassifier")
        own = {name for name, options in pipeline if _is_own(str(options.get("name", "")))}
        for name, _ in pipeline:
            if name in FOREIGN_EXTRACTORS:
                self._note(
                    Parity.UNSUPPORTED,
                    f"pipeline: {name}: not run; what it found, as names of persons, is found "
                    "only where examples, lookup tables or regexes teach it.",
                )
            elif name in own:
                self._note(Parity.UNSUPPORTED, f"pipeline: {name}: code of one's own is not run.")
        replaced = [name for name, _ in pipeline if name not in known and name not in own]
        if replaced:
            self._note(
                Parity.DIFFERS,
                f"pipeline: {', '.join(dict.fromkeys(replaced))}: replaced by our encoder and "
                "classifier; confidences differ.",
            )

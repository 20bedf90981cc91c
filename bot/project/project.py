"""A Rasa project as a whole: read, checked, its policies made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bot.dialogue import names, stories, training
from bot.dialogue.domain import Domain
from bot.dialogue.stories import Block
from bot.dialogue.training import Trained
from bot.project import (
    completeness,
    config_reader,
    domain_reader,
    merging,
    response_reader,
    story_reader,
    surroundings,
)
from bot.project import sources as files
from bot.project.config_reader import Config
from bot.project.findings import Findings, Parity
from bot.project.sources import Source
from classifier import errors as classifier_errors
from classifier.dataset import LabelledText
from classifier.entities import reading as entity_reading
from classifier.entities.reading import EntityData
from classifier.rasa_yaml import read_nlu

PLACES = ("data", "nlu", "rules.yml", "stories.yml")
DOMAIN_KEYS = ("intents", "entities", "slots", "responses", "actions", "forms", "session_config")


@dataclass(frozen=True, slots=True, kw_only=True)
class RasaProject:
    """What a project folder says."""

    root: Path
    domain: Domain
    config: Config
    trained: Trained
    examples: tuple[LabelledText, ...] = ()
    """Texts of intents; retrieval intents with their key, as `faq/price`."""
    entity_data: EntityData = field(default_factory=EntityData)
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    """endpoints.yml, variables filled in."""
    imported: tuple[Path, ...] = ()
    """Files of other projects that config.yml imports."""


def is_rasa(root: Path) -> bool:
    """Whether `root` looks like a Rasa project rather than a knowledge folder of ours."""
    places = (root / "domain", root / "data" / "domain")
    config = root / "config.yml"
    has_domain = (root / "domain.yml").is_file() or any(place.is_dir() for place in places)
    has_domain = has_domain or merging.is_wanted(config)
    return has_domain and ((root / "data").is_dir() or config.is_file())


def read(root: Path, variables: Mapping[str, str]) -> RasaProject:
    """The project in `root`, ready to talk.

    Args:
        root: the folder with domain.yml (or domain/), data/, config.yml.
        variables: the environment, for `${NAME}` in endpoints.yml and credentials.yml.

    Raises:
        errors.KnowledgeError: the first thing that is wrong, with file, line and remedy.
    """
    project, findings = examine(root, variables)
    if findings.errors:
        raise findings.errors[0]
    return project


def examine(root: Path, variables: Mapping[str, str]) -> tuple[RasaProject, Findings]:
    """The project as far as it can be read, and all that is wrong or done otherwise."""
    findings = Findings()
    written = _one(root / "config.yml", root, findings)
    own = _load(_told_in(root), root, findings)
    imported = merging.read(root, written, own, findings)
    data = [*own, *imported]
    before = len(findings.errors)
    parts = _domain_files(root, data, findings)
    is_whole = len(findings.errors) == before  # else stories would only name what was not read
    domain = domain_reader.read(parts, findings)
    examples, entity_data = _nlu(data, root, findings)
    domain = _with_retrieval(domain, examples)
    tests = [s for s in data if s.path.name.startswith("test_")]
    told = [source for source in data if source not in tests]
    blocks = story_reader.read(told, domain, findings) if is_whole else ()
    domain = replace(domain, texts=_texts(blocks))
    config = config_reader.read(written, domain, findings)
    completeness.note(domain, parts, examples, blocks, config, findings)
    trained = _train(blocks, domain, config, findings)
    endpoints = _one(root / "endpoints.yml", root, findings)
    credentials = _one(root / "credentials.yml", root, findings)
    surroundings.note_data(root, data, DOMAIN_KEYS, findings)
    surroundings.note_settings(root, endpoints, credentials, variables, findings)
    project = RasaProject(
        root=root,
        domain=domain,
        config=config,
        trained=trained,
        examples=examples,
        entity_data=entity_data,
        endpoints=_settings(endpoints, variables),
        imported=tuple(source.path for source in imported),
    )
    return project, findings


def _told_in(root: Path) -> Iterator[Path]:
    """The files with examples, rules and stories: in data/, or where our starter has them."""
    for place in PLACES:
        yield from files.below(root / place)


def _domain_files(root: Path, data: Sequence[Source], findings: Findings) -> list[Source]:
    paths = [root / "domain.yml"] if (root / "domain.yml").is_file() else []
    paths += list(files.below(root / "domain"))
    found = _load(paths, root, findings)
    beside = [source for source in data if any(key in source.data for key in DOMAIN_KEYS)]
    if not paths and not beside:
        findings.wrong("not found.", "domain.yml", 0, "Name the project folder with --project.")
    return found + beside


def _load(paths: Any, root: Path, findings: Findings) -> list[Source]:
    loaded = [files.load(path, root, findings) for path in paths]
    return [source for source in loaded if source is not None]


def _one(path: Path, root: Path, findings: Findings) -> Source | None:
    return files.load(path, root, findings) if path.is_file() else None


def _settings(source: Source | None, variables: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = files.filled(files.plain(source.data), variables) if source else {}
    return found


def _nlu(
    data: Sequence[Source], root: Path, findings: Findings
) -> tuple[tuple[LabelledText, ...], EntityData]:
    paths = [source.path for source in data if "nlu" in source.data]
    skipped: list[classifier_errors.DatasetError] = []
    try:
        examples = read_nlu(paths, root=root, skipped=skipped)
        entity_data = entity_reading.read(paths, root=root, skipped=skipped)
    except classifier_errors.DatasetError as cause:
        where = f"{cause.path}:{cause.line}: " if cause.line else f"{cause.path}: "
        message = str(cause).removesuffix(cause.hint).strip().removeprefix(where)
        findings.wrong(message, cause.path or "data", cause.line, cause.hint)
        return (), EntityData()
    _note_skipped(skipped, findings)
    return examples, entity_data


def _note_skipped(skipped: Sequence[classifier_errors.DatasetError], findings: Findings) -> None:
    """What both readers passed over, once."""
    for one in {(one.path, one.line): one for one in skipped}.values():
        message = str(one).removesuffix(one.hint).strip().removeprefix(f"{one.path}:{one.line}: ")
        what = f"{message} It is passed over, as in Rasa."
        findings.note(Parity.SAME, what, one.path, one.line, one.hint)


def _with_retrieval(domain: Domain, examples: Sequence[LabelledText]) -> Domain:
    """Intents with keys (`faq/price`) are answered by an action of their own (`utter_faq`)."""
    from_texts = {e.intent.partition("/")[0] for e in examples if "/" in e.intent}
    retrieval = frozenset(from_texts) | response_reader.retrieval_intents(domain.responses)
    more = tuple(sorted(n for i in retrieval if (n := names.UTTER + i) not in domain.known_actions))
    return replace(domain, retrieval_intents=retrieval, actions=(*domain.actions, *more))


def _texts(blocks: Sequence[Block]) -> tuple[str, ...]:
    """What the bot says in end-to-end stories."""
    happened = (event for block in blocks for step in block.steps for event in step)
    said = (event.data.get("action_text") for event in happened if event.name == "action")
    return tuple(sorted({str(text) for text in said if text}))


def _train(blocks: Sequence[Block], domain: Domain, config: Config, findings: Findings) -> Trained:
    for block in story_reader.circular(blocks):
        findings.wrong(
            f"story {block.name!r}: its checkpoints lead in a circle that no story enters.",
            block.path,
            block.line,
            "Let a story without a checkpoint at its beginning lead into it.",
        )
    if findings.errors:  # half a story would only lead to more errors
        return Trained()
    told = stories.conversations(blocks, domain)
    trained = training.train(told, config.policies, domain)
    for problem in trained.problems:
        findings.wrong(problem.what, problem.told.path, problem.told.line, problem.hint)
    return trained

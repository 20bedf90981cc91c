"""Reads the project folder whole, or says which file and line is broken and what to do."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from bot import config, errors
from bot.dialogue import names
from bot.domain import Button, Language
from bot.knowledge import rasa_folder
from bot.knowledge.model import HANDOFF_ACTION, Knowledge, Rule, Variation
from bot.project import project as rasa_project
from bot.project.project import RasaProject
from classifier import dataset, rasa_yaml
from classifier import errors as classifier_errors
from classifier.dataset import LabelledText
from classifier.rasa_yaml import line_of
from retrieval import corpus
from retrieval import errors as retrieval_errors
from retrieval.candidate import PastAnswer

DOMAIN = "domain.yml"
RULES = "rules.yml"
CONFIG = "config.yml"
BUILT_IN_ACTIONS = (HANDOFF_ACTION,)
_STATES = frozenset({"active_loop", "slot_was_set"})  # steps of a rule in which nothing is done
NEEDED_RESPONSES = (
    "utter_clarify",
    "utter_none_of_these",
    "utter_default",
    "utter_out_of_scope",
    "utter_handoff",
)


def read(project: Path) -> Knowledge:
    """The knowledge in `project`.

    Raises:
        errors.KnowledgeError: the first thing that is wrong, with file, line and remedy.
    """
    if rasa_project.is_rasa(project) and not (project / RULES).is_file():
        return rasa_folder.read(project, config.environment())
    if not (project / DOMAIN).is_file():
        raise errors.KnowledgeError(
            "not found.",
            path=str(project / DOMAIN),
            hint="Name the project folder with --project or FRONTDESK_PROJECT.",
        )
    try:
        domain = rasa_yaml.load(project / DOMAIN, name=DOMAIN)
        examples = rasa_yaml.read_nlu(sorted((project / "nlu").glob("*.yml")), root=project)
        dataset.check(examples)
        answers = corpus.read_folder(project / "answers", root=project)
    except (classifier_errors.DatasetError, retrieval_errors.CorpusError) as cause:
        message = str(cause).removesuffix(cause.hint).strip()
        raise errors.KnowledgeError(
            message, path=cause.path or "nlu/", line=cause.line, hint=cause.hint
        ) from cause
    intents = _intents(domain)
    responses = dict(_responses(domain))
    _check_responses(responses)
    rules = _rules(project, domain, intents, responses)
    _check_intents(intents, examples, answers)
    return Knowledge(
        intents=intents,
        responses=responses,
        rules=rules,
        answers=answers,
        examples=examples,
        revision=_revision(responses, rules, answers),
        dialogue=_dialogue(project),
    )


def _dialogue(project: Path) -> RasaProject | None:
    """Forms and actions, where a config.yml says how to talk; None for answers alone."""
    if not (project / CONFIG).is_file():
        return None
    return rasa_project.read(project, config.environment())


def _wrong(problem: str, name: str, line: int, hint: str) -> errors.KnowledgeError:
    return errors.KnowledgeError(problem, path=name, line=line, hint=hint)


def _intents(domain: CommentedMap) -> tuple[str, ...]:
    entries = domain.get("intents") or []
    found = [next(iter(entry)) if isinstance(entry, dict) else str(entry) for entry in entries]
    if not found:
        raise _wrong("no intents.", DOMAIN, 1, "List them under `intents:`.")
    return tuple(found)


def _responses(domain: CommentedMap) -> Iterator[tuple[str, tuple[Variation, ...]]]:
    responses = domain.get("responses") or CommentedMap()
    for name, variations in responses.items():
        line = line_of(responses, name)
        if not str(name).startswith("utter_"):
            raise _wrong(f"response {name!r}.", DOMAIN, line, "Its name must start with 'utter_'.")
        if not isinstance(variations, list) or not variations:
            raise _wrong(f"response {name!r} has no text.", DOMAIN, line, "Write `- text: ...`.")
        yield name, tuple(_variation(item, name, line) for item in variations)


def _variation(item: Any, name: str, line: int) -> Variation:
    if not isinstance(item, CommentedMap) or not isinstance(item.get("text"), str):
        place = line_of(item) or line
        raise _wrong(f"a variation of {name!r} has no text.", DOMAIN, place, "Write `- text: ...`.")
    try:
        buttons = tuple(
            Button(title=str(b["title"]), payload=str(b["payload"]))
            for b in item.get("buttons") or ()
        )
        conditions = tuple(
            (str(c["name"]), c["value"]) for c in item.get("condition") or () if _is_slot(c)
        )
    except (KeyError, TypeError) as cause:
        raise _wrong(
            f"a variation of {name!r} lacks {cause}.",
            DOMAIN,
            line_of(item),
            "Buttons have title and payload; conditions have type: slot, name and value.",
        ) from cause
    return Variation(
        text=item["text"].strip(),
        buttons=buttons,
        channel=item.get("channel"),
        conditions=conditions,
    )


def _is_slot(condition: Any) -> bool:
    return bool(condition["type"] == "slot")


def _check_responses(responses: dict[str, tuple[Variation, ...]]) -> None:
    for name in NEEDED_RESPONSES:
        for language in Language:
            slots = {"language": language.value}
            if not any(v.rank(slots, "") is not None for v in responses.get(name, ())):
                raise _wrong(
                    f"response {name!r} cannot be said in {language.value!r}.",
                    DOMAIN,
                    0,
                    "Add a variation with `condition: [{type: slot, name: language, value: "
                    f"{language.value}}}]`.",
                )


def _rules(
    project: Path,
    domain: CommentedMap,
    intents: tuple[str, ...],
    responses: dict[str, tuple[Variation, ...]],
) -> dict[str, Rule]:
    """What follows an intent at any time, or, where nothing does, in some situation."""
    path = project / RULES
    if not path.is_file():
        return {}
    try:
        entries = rasa_yaml.load(path, name=RULES).get("rules") or []
    except classifier_errors.DatasetError as cause:
        raise _wrong(str(cause), RULES, cause.line, "") from cause
    found: dict[str, Rule] = {}
    only_sometimes: dict[str, Rule] = {}
    known = {*responses, *BUILT_IN_ACTIONS, *names.DEFAULT_ACTIONS, *_of_dialogue(domain)}
    for entry in entries:
        if _is_part_of_a_form(entry):
            continue  # read with the dialogue
        rule = _rule(entry)
        line = line_of(entry)
        if rule.intent not in intents:
            raise _wrong(
                f"rule {rule.name!r}: intent {rule.intent!r} is not in {DOMAIN}.",
                RULES,
                line,
                _nearest(rule.intent, intents),
            )
        for action in rule.actions:
            if action not in known:
                raise _wrong(
                    f"rule {rule.name!r}: nothing is known of action {action!r}.",
                    RULES,
                    line,
                    _nearest(action, known),
                )
        if entry.get("condition"):
            only_sometimes.setdefault(rule.intent, rule)
            continue
        if rule.intent in found:
            raise _wrong(
                f"rule {rule.name!r} contradicts {found[rule.intent].name!r}.",
                RULES,
                line,
                "Keep one rule for each intent.",
            )
        found[rule.intent] = rule
    return only_sometimes | found


def _of_dialogue(domain: CommentedMap) -> Iterator[str]:
    """The forms and custom actions of the domain."""
    for entry in [*(domain.get("forms") or ()), *(domain.get("actions") or ())]:
        yield str(next(iter(entry)) if isinstance(entry, dict) else entry)


def _is_part_of_a_form(entry: Any) -> bool:
    """Whether a rule begins in a form, with no message of its own: how the form ends."""
    steps = entry.get("steps") if isinstance(entry, CommentedMap) else None
    first = steps[0] if isinstance(steps, list) and steps else None
    return isinstance(first, CommentedMap) and "intent" not in first and "action" in first


def _rule(entry: Any) -> Rule:
    steps = entry.get("steps") if isinstance(entry, CommentedMap) else None
    try:
        first, *rest = steps or []
        return Rule(
            name=str(entry["rule"]),
            intent=str(first["intent"]),
            actions=tuple(str(step["action"]) for step in rest if not _STATES.intersection(step)),
        )
    except (KeyError, TypeError, ValueError) as cause:
        raise _wrong(
            "a rule that cannot be read.",
            RULES,
            line_of(entry),
            "A rule has a name and steps: one intent, then actions.",
        ) from cause


def _check_intents(
    intents: tuple[str, ...], examples: Iterable[LabelledText], answers: Iterable[PastAnswer]
) -> None:
    for example in examples:
        if example.intent not in intents:
            raise _wrong(
                f"intent {example.intent!r} is not in {DOMAIN}.",
                example.path,
                example.line,
                _nearest(example.intent, intents),
            )
    for answer in answers:
        if answer.intent not in intents:
            name, _, line = answer.source.rpartition(":")
            raise _wrong(
                f"intent {answer.intent!r} is not in {DOMAIN}.",
                name,
                int(line),
                _nearest(answer.intent, intents),
            )


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Add it to {DOMAIN}."


def _revision(*parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts[:-1]:
        digest.update(repr(sorted(part.items())).encode())
    digest.update(corpus.fingerprint(parts[-1]).encode())
    return digest.hexdigest()[:12]

"""What a project names and does not have, as far as only the whole of it can tell.

Rasa warns of most of it in the log; some of it lets a visitor wait for words that never come.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.dialogue import names
from bot.dialogue.domain import Domain, Form
from bot.dialogue.stories import START, Block
from bot.project.config_reader import Config
from bot.project.findings import Findings, Parity, nearest
from bot.project.sources import Source
from classifier.dataset import LabelledText
from classifier.lone import FEWEST_INTENTS


def note(
    domain: Domain,
    sources: Sequence[Source],
    examples: Sequence[LabelledText],
    blocks: Sequence[Block],
    config: Config,
    to: Findings,
) -> None:
    """Everything that is missing; `sources` are the files that may hold parts of the domain."""
    _responses(domain, sources, to)
    _default_words(domain, sources, config, to)
    _forms(domain, sources, config, to)
    _intents(domain, examples, to)
    _checkpoints(blocks, to)
    _rules(blocks, config, to)


def _responses(domain: Domain, sources: Sequence[Source], to: Findings) -> None:
    """Responses that are listed as actions and not written."""
    for action in domain.actions:
        intent = action.removeprefix(names.UTTER)
        if not action.startswith(names.UTTER) or intent in domain.retrieval_intents:
            continue
        if action not in domain.responses:
            to.note(
                Parity.SAME,
                f"action {action!r} has no response: nothing is said, unless an action of this "
                "name runs on the action server.",
                *_entry("actions", action, sources),
                nearest(action, domain.responses, "Add it under `responses:`."),
            )


def _default_words(domain: Domain, sources: Sequence[Source], config: Config, to: Findings) -> None:
    """What is said where no rule or story fits."""
    action = names.DEFAULT_FALLBACK
    runs = any(
        policy.fallback.enabled and policy.fallback.action == action
        for policy in config.policies
        if policy.kind == "rule"
    )
    if runs and names.UTTER_DEFAULT not in domain.responses and action not in domain.actions:
        to.note(
            Parity.SAME,
            f"there is no response {names.UTTER_DEFAULT!r}: where no rule, story or answer fits, "
            "nothing is said.",
            sources[0].name if sources else "domain.yml",
            0,
            "Add it under `responses:`.",
        )


def _forms(domain: Domain, sources: Sequence[Source], config: Config, to: Findings) -> None:
    has_rules = any(policy.kind == "rule" for policy in config.policies)
    for form in domain.forms.values():
        where = _place("forms", form.name, sources)
        if any((error.path, error.line) == where for error in to.errors):
            continue  # it could not be read
        if not has_rules:
            hint = "Add `- name: RulePolicy` under `policies:` in config.yml."
            to.wrong(f"form {form.name!r} needs the RulePolicy.", *where, hint)
        validated = f"validate_{form.name}" in domain.actions
        if not form.required_slots and not validated:
            hint = "Name slots, or list its `validate_...` action, which may name them."
            to.wrong(f"form {form.name!r} asks for no slot.", *where, hint)
        for slot in form.required_slots:
            if slot in domain.slots and not validated and not _asks(form, slot, domain):
                to.note(
                    Parity.SAME,
                    f"form {form.name!r}: nothing asks for {slot!r}.",
                    *where,
                    f"Add the response `utter_ask_{slot}` or the action `action_ask_{slot}`.",
                )


def _asks(form: Form, slot: str, domain: Domain) -> bool:
    known = {*domain.responses, *domain.actions}
    ways = (f"{form.name}_{slot}", slot)
    return any(f"{kind}_ask_{way}" in known for kind in ("action", "utter") for way in ways)


def _intents(domain: Domain, examples: Sequence[LabelledText], to: Findings) -> None:
    found = {example.intent for example in examples}
    if len(found) < FEWEST_INTENTS:
        taken = f"every text is taken for {min(found)!r}" if found else "no text is understood"
        to.note(
            Parity.SAME,
            f"{len(found)} intents have examples: {taken}, only `/intent` messages are.",
            examples[0].path if examples else "data",
            examples[0].line if examples else 0,
            "Write examples of two intents or more under `nlu:`.",
        )
    told: set[str] = set()
    for example in examples:
        name = example.intent.partition("/")[0]
        if name in domain.intents or name in told:
            continue
        told.add(name)
        to.note(
            Parity.SAME,
            f"intent {name!r} has examples and is not in the domain: no rule can follow it.",
            example.path,
            example.line,
            nearest(name, domain.intents, "Add it under `intents:`."),
        )


def _checkpoints(blocks: Sequence[Block], to: Findings) -> None:
    """Checkpoints that lead nowhere, or that nothing leads to."""
    starts = {start.name for block in blocks for start in block.starts}
    ends = {end for block in blocks for end in block.ends}
    for block in blocks:
        for start in block.starts:
            if start.name != START and start.name not in ends:
                what = f"story {block.name!r} begins at {start.name!r}, where no story ends."
                to.note(Parity.SAME, f"{what} It is never told.", block.path, block.line)
        for end in block.ends:
            if end not in starts:
                what = f"story {block.name!r} ends at {end!r}, where no story goes on."
                to.note(Parity.SAME, what, block.path, block.line)


def _rules(blocks: Sequence[Block], config: Config, to: Findings) -> None:
    if any(policy.kind == "rule" for policy in config.policies):
        return
    first = next((block for block in blocks if block.is_rule), None)
    if first is not None:
        hint = "Add `- name: RulePolicy` under `policies:` in config.yml."
        what = "rules are not followed: there is no RulePolicy."
        to.note(Parity.SAME, what, first.path, first.line, hint)


def _place(table: str, name: str, sources: Sequence[Source]) -> tuple[str, int]:
    """File and line of an entry of a mapping of the domain."""
    for source in sources:
        if isinstance(source.data.get(table), dict) and name in source.data[table]:
            return source.name, source.line(source.data[table], name)
    return "domain.yml", 0


def _entry(table: str, name: str, sources: Sequence[Source]) -> tuple[str, int]:
    """File and line of an entry of a list of the domain."""
    for source in sources:
        listed = source.data.get(table)
        if isinstance(listed, list) and name in listed:
            return source.name, source.line(listed, listed.index(name))
    return "domain.yml", 0

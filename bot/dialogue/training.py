"""From stories and rules to policies: everything is remembered, nothing is learnt by gradient."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.dialogue import features, guessing, memoization, names, rule_checks, rules
from bot.dialogue.domain import Domain
from bot.dialogue.features import Features
from bot.dialogue.history import Sight
from bot.dialogue.prediction import Policy
from bot.dialogue.rules import Fallback, Lookup, RulePolicy
from bot.dialogue.stories import Told

Examples = list[tuple[list[Features], str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySpec:
    """A policy as config.yml asks for it."""

    name: str
    kind: str
    """"rule", "memoization", "augmented" or "guess"."""
    max_history: int | None = None
    priority: int = memoization.PRIORITY
    fallback: Fallback = field(default_factory=Fallback)
    restrict_rules: bool = True
    check_for_contradictions: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """Policies that are ready, and how far back they look."""

    policies: tuple[Policy, ...] = ()
    sight: Sight = field(default_factory=Sight)
    problems: tuple[rule_checks.Problem, ...] = ()
    """Rules and stories that contradict each other; such a project must not serve."""


def train(told: Sequence[Told], specs: Sequence[PolicySpec], domain: Domain) -> Trained:
    """Policies that do as told, in the order of `specs`."""
    stories = [one for one in told if not one.is_rule]
    rule_spec = next((spec for spec in specs if spec.kind == "rule"), None)
    if rule_spec is not None and any(spec.kind == "guess" for spec in specs):
        rule_spec = replace(rule_spec, fallback=replace(rule_spec.fallback, once=True))
    rule_examples = _examples((one for one in told if one.is_rule), domain, only_touched=True)
    story_examples = _examples(stories, domain)
    ruled = RulePolicy(_lookup(rule_examples, story_examples), Fallback())
    problems: tuple[rule_checks.Problem, ...] = ()
    if rule_spec is not None:
        ruled = RulePolicy(ruled.lookup, rule_spec.fallback, priority=rule_spec.priority)
        problems, ruled = _checked(ruled, rule_spec, told, domain)
    policies: list[Policy] = []
    for spec in specs:
        if spec.kind == "rule":
            policies.append(ruled)
        elif spec.kind == "guess":
            history = spec.max_history
            policies.append(
                guessing.train(stories, domain, max_history=history, priority=spec.priority)
            )
        else:
            policies.append(_memorised(spec, stories, domain))
    only_in_rules = rule_spec is not None and rule_spec.check_for_contradictions
    slots, loops = _rule_only(rule_examples, story_examples) if only_in_rules else (set(), set())
    return Trained(
        policies=tuple(policies),
        sight=Sight(
            rule_steps=max(2, _longest(ruled.lookup)),
            story_steps=max((_look_back(p) for p in policies), default=0),
            rule_only_slots=frozenset(slots),
            rule_only_loops=frozenset(loops),
        ),
        problems=problems,
    )


def _memorised(
    spec: PolicySpec, stories: Sequence[Told], domain: Domain
) -> memoization.Memoization:
    return memoization.train(
        stories,
        domain,
        name=spec.name,
        max_history=spec.max_history,
        augmented=spec.kind == "augmented",
        priority=spec.priority,
    )


def _checked(
    ruled: RulePolicy, spec: PolicySpec, told: Sequence[Told], domain: Domain
) -> tuple[tuple[rule_checks.Problem, ...], RulePolicy]:
    rule_tales = [one for one in told if one.is_rule]
    problems = list(rule_checks.too_many_messages(rule_tales)) if spec.restrict_rules else []
    if not spec.check_for_contradictions:
        return tuple(problems), ruled
    problems += rule_checks.incomplete(rule_tales, domain)
    checked = rule_checks.contradictions(ruled, told, domain)
    ruled = RulePolicy(checked.lookup, spec.fallback, priority=spec.priority)
    ruled.not_in_stories = checked.not_in_stories
    return (*problems, *checked.problems), ruled


def _look_back(policy: Policy) -> int:
    if isinstance(policy, memoization.Memoization | guessing.Guessing):
        return policy.look_back
    return 0


def _longest(lookup: Lookup) -> int:
    keys = (*lookup.rules, *lookup.unhappy)
    return max((len(rules.steps_of(key)) for key in keys), default=1)


def _examples(told: Iterable[Told], domain: Domain, *, only_touched: bool = False) -> Examples:
    return [
        example
        for one in told
        for example in memoization.examples(one, domain, only_touched=only_touched)
    ]


def _lookup(rule_examples: Examples, story_examples: Examples) -> Lookup:
    found = _unambiguous((rules.rule_key(steps), action) for steps, action in rule_examples)
    return Lookup(
        rules={key: action for key, action in found.items() if action != names.SNIPPET},
        unhappy=_unhappy((*rule_examples, *story_examples)),
    )


def _unambiguous(found: Iterable[tuple[str | None, str]]) -> dict[str, str]:
    lookup: dict[str, str] = {}
    ambiguous: set[str] = set()
    for key, action in found:
        if key is not None and lookup.setdefault(key, action) != action:
            ambiguous.add(key)
    return {key: action for key, action in lookup.items() if key not in ambiguous}


def _unhappy(found: Iterable[tuple[list[Features], str]]) -> Mapping[str, str]:
    """What rules and stories show of interruptions: the form comes back, or it does not."""
    lookup: dict[str, str] = {}
    for steps, action in found:
        loop = features.loop_name(steps[-1])
        if loop is None:
            continue
        key = rules.rule_key(_last_steps(steps))
        if key is None:
            continue
        listening = features.previous_action(steps[-1]) == names.LISTEN
        if listening and action == loop:
            lookup[key] = rules.INTERRUPTED
        elif not listening and action != loop:
            lookup[key] = rules.NO_LOOP
    return lookup


def _last_steps(steps: Sequence[Features]) -> list[Features]:
    if len(steps) == 1 or not steps[-2].get(features.PREVIOUS):
        return [steps[-1]]
    return [{features.PREVIOUS: steps[-2][features.PREVIOUS]}, steps[-1]]


def _rule_only(rule_examples: Examples, story_examples: Examples) -> tuple[set[str], set[str]]:
    """Slots and loops that rules speak of and no story does."""
    rule_slots, rule_loops = _spoken_of(rule_examples)
    story_slots, story_loops = _spoken_of(story_examples)
    return rule_slots - story_slots, rule_loops - story_loops - {names.NOT_SET}


def _spoken_of(found: Examples) -> tuple[set[str], set[str]]:
    steps = [step for taken, _ in found for step in taken]
    slots = {name for step in steps for name in step.get(features.SLOTS, {})}
    loops = {step[features.LOOP]["name"] for step in steps if features.LOOP in step}
    return slots, loops

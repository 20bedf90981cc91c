"""Fine-tuning of the encoders that search: what is learned, what decides, and what is promoted.

Runs in a process of its own (`frontdesk retrieval train`). A new encoder comes with vectors of all
answers and with a classifier's head; the server that runs meanwhile only has to put it in place.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from bot import errors, library, searching
from bot.config import Settings
from bot.evaluation import questions
from bot.knowledge.model import Knowledge
from bot.training import job
from bot.training.registry import Registry
from classifier import errors as classifier_errors
from classifier.methods import Method
from retrieval import errors as retrieval_errors
from retrieval.encoders import catalogue, tuned
from retrieval.encoders.runtime import Encoder
from retrieval.encoders.spec import Side
from retrieval.readers.rows import language_of
from retrieval.segment import rows_of
from retrieval.training import intents, material, reading, tuning
from retrieval.training.judging import Figures
from retrieval.training.learning import Beside, Recipe
from retrieval.training.material import Asked, Material, Text
from retrieval.training.tuning import Exam
from retrieval.vectors import VectorCache

if TYPE_CHECKING:
    from retrieval.encoders.sentence import SentenceModel

Progress = Callable[[str, float], None]
DEV = "dev"  # part of the evaluation questions that may be tuned on
INTENTS = "intents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be trained."""

    files: tuple[Path, ...] = ()
    """To learn from, instead of the answers in the database."""
    guards: tuple[Path, ...] = ()
    """Never learned from; what is found in them counts as much as what is found in the rest."""
    only: str = ""
    """Name of the encoder that is trained; empty: all that serve."""
    holdout: float = 0.2
    """Share of the groups of which one question is held out."""
    joint: bool = False
    """Learn the intents beside, for a classifier without a network of its own."""
    promote: bool = True
    head: bool = True
    """Make all ready that serves beside a new encoder: a classifier's head, the vectors."""
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of the training of one encoder."""

    encoder: str
    """The one that serves now."""
    promoted: bool
    steps: int
    point: float
    """How far the weights went from the old ones (0) to the trained ones (1)."""
    before: dict[str, Figures]
    """Of the encoder that served, by exam, as it serves (8 bits)."""
    after: dict[str, Figures]
    seconds: float


def run(settings: Settings, order: Order, *, on_progress: Progress) -> list[Outcome]:
    """Train every encoder that serves, or the one that is named; promote those that got better.

    Raises:
        errors.KnowledgeError: the project cannot be read.
        errors.ModelError: an encoder cannot be made, there is too little to learn, or the disk
            is full.
    """
    knowledge = library.read_all(settings)
    with explained(settings):
        return [
            _train(settings, order, knowledge, choice, on_progress)
            for choice in _choices(settings, order, knowledge)
        ]


@contextlib.contextmanager
def explained(settings: Settings) -> Iterator[None]:
    """What goes wrong in a training, as errors of the bot that say what to do."""
    try:
        yield
    except (classifier_errors.ClassifierError, retrieval_errors.RetrievalError) as cause:
        hint = cause.hint
        place = f"{cause.path}: " if isinstance(cause, retrieval_errors.CorpusError) else ""
        raise errors.ModelError(f"{place}{cause}".removesuffix(hint).strip(), hint=hint) from cause
    except OSError as cause:
        raise errors.ModelError(
            f"Training could not write to {settings.data}: {cause.strerror}.",
            hint="Free some space there (2 GB are plenty) and check its permissions.",
        ) from cause


def revert(settings: Settings) -> None:
    """Let the original encoders serve again.

    Raises:
        errors.ModelError: the pointer cannot be deleted.
    """
    knowledge = library.read_all(settings)
    for choice in _choices(settings, Order(), knowledge):
        original = Registry(settings.data).encoders / "encoders" / catalogue.folder_name(choice)
        tuned.promote(original, None)


def _choices(settings: Settings, order: Order, knowledge: Knowledge) -> list[str]:
    """The encoders to train: the main one, and the English one if there is one."""
    english = knowledge.all_english
    main = catalogue.resolve(settings.models.encoder, all_english=english)
    expert = searching.wanted_expert(settings, main, knowledge.languages)
    serving = [main, *([expert] if expert else [])]
    if order.only and order.only not in serving:
        raise retrieval_errors.EncoderChoiceError(
            f"encoder {order.only!r} does not serve here.", hint=f"Use {' or '.join(serving)}."
        )
    return [order.only] if order.only else serving


def _train(
    settings: Settings, order: Order, knowledge: Knowledge, choice: str, on_progress: Progress
) -> Outcome:
    import torch  # noqa: PLC0415 - seconds to import

    from retrieval.encoders import sentence  # noqa: PLC0415

    began = time.monotonic()
    torch.set_num_threads(max(2, settings.models.threads))
    torch.manual_seed(order.recipe.seed)
    models = Registry(settings.data).encoders
    original = catalogue.prepare(choice, models, on_progress)
    is_main = choice == catalogue.resolve(
        settings.models.encoder, all_english=knowledge.all_english
    )
    learned, exams = lessons(order, knowledge, settings.project, english_only=not is_main)
    model = sentence.SentenceModel(sentence.load_transformer(original))
    tokenizer = tuning.Tokenizer(original)
    beside = _beside(knowledge, exams, tokenizer, model) if order.joint and is_main else None
    found = tuning.tune(model, tokenizer, learned, exams, order.recipe, on_progress, beside)
    serving = tuned.current(original) or original
    before = _served(serving, exams, settings.models.threads)
    if found.point == 0:
        return _outcome(serving, found, before, before, began, promoted=False)
    folder = _save(model, original, found, order)
    after = _served(folder, exams, settings.models.threads)
    better = tuning.score(after) > tuning.score(before)
    if better and order.promote and not order.head:
        tuned.promote(original, folder)
    elif better and order.promote:
        _promote(settings, knowledge, original, folder, on_progress, is_main=is_main)
    promoted = better and order.promote
    if not promoted:
        shutil.rmtree(folder)
    return _outcome(folder if promoted else serving, found, before, after, began, promoted=promoted)


def lessons(
    order: Order, knowledge: Knowledge, project: Path, *, english_only: bool = False
) -> tuple[Material, list[Exam]]:
    """What is learned, and the exams; none of their questions is learned."""
    whole = Material(())
    if order.files:
        for path in order.files:
            whole += reading.read(path)
    else:
        whole = material.of_answers(knowledge.answers)
    if english_only:
        whole = _english(whole)
    guards = [(path, _asked(_english(reading.read(path)) if english_only else reading.read(path)))
              for path in order.guards]  # fmt: skip
    learned, asked = material.held_out(whole, order.holdout, order.recipe.seed)
    exams = [tuning.exam("held out", learned, asked)]
    exams += [tuning.exam(path.stem, rest, some) for path, (rest, some) in guards]
    if not order.files:
        exams += _dev_exams(knowledge, project, english_only=english_only)
    kept_out = [text.text for exam in exams for text in exam.asked]
    return material.without(learned, kept_out), exams


def _asked(whole: Material) -> tuple[Material, tuple[Asked, ...]]:
    return material.held_out(whole, 1.0, 0)


def _english(whole: Material) -> Material:
    """Without what holds a Chinese character."""
    texts = {text for group in whole.groups for text in group}
    texts |= {text for pair in whole.unlike for text in pair}
    return material.without(whole, [t.text for t in texts if language_of(t.text) != "en"])


def _dev_exams(knowledge: Knowledge, project: Path, *, english_only: bool) -> list[Exam]:
    """The project's own evaluation questions, where it has some: one exam for each language."""
    try:
        rows = questions.read(project / "eval", DEV)
    except errors.KnowledgeError:
        return []
    whole = material.of_answers(knowledge.answers)
    places = {name: i for i, name in enumerate(dict.fromkeys(a.id for a in knowledge.answers))}
    asked: dict[str, list[Asked]] = {}
    for row in rows:
        right = next((places[name] for name in sorted(row.expected) if name in places), None)
        if right is not None and not (english_only and row.language.value != searching.ENGLISH):
            item = Asked(Text(row.text, Side.QUERY), right)
            asked.setdefault(row.language.value, []).append(item)
    return [
        tuning.exam(f"{DEV} {language}", whole, some)
        for language, some in asked.items()
        if len(some) >= tuning.LEAST_ASKED
    ]


def _beside(
    knowledge: Knowledge, exams: list[Exam], tokenizer: tuning.Tokenizer, model: SentenceModel
) -> Beside:
    """The intents as a second task; some examples are held out and become an exam."""
    examples = [(example.text, example.intent) for example in knowledge.examples]
    learned, asked = material.held_out(intents.material_of(examples), 1.0, 1)
    exams.append(tuning.exam(INTENTS, learned, asked))
    texts = [text for group in learned.groups for text in group]
    gold = [place for place, group in enumerate(learned.groups) for _ in group]
    return intents.Intents(tokenizer(texts), gold, int(model.transformer.config.hidden_size))


def _save(model: SentenceModel, original: Path, found: tuning.Tuned, order: Order) -> Path:
    files = [path.name for path in order.files]
    return tuned.save(
        model,
        original,
        learned=json.dumps(files or ["answers"]),
        recipe=json.dumps(asdict(order.recipe)),
        point=str(found.point),
        figures=json.dumps({name: asdict(one) for name, one in found.after.items()}),
    )


def _served(folder: Path, exams: Sequence[Exam], threads: int) -> dict[str, Figures]:
    """How well the encoder in `folder` does as it serves."""
    encoder = Encoder(folder, threads=threads)
    return {exam.name: exam.figures(lambda texts: tuning.in_groups(texts, encoder))
            for exam in exams}  # fmt: skip


def _promote(
    settings: Settings, knowledge: Knowledge, original: Path, folder: Path, on_progress: Progress,
    *, is_main: bool,
) -> None:  # fmt: skip
    """Make ready all that needs the new encoder, then put it in place."""
    answers = knowledge.answers if is_main else [
        answer for answer in knowledge.answers if answer.lang == searching.ENGLISH
    ]  # fmt: skip
    vectors = settings.data / "vectors"
    end = "" if is_main else f".{searching.ENGLISH}"
    cache = VectorCache(vectors / f"{folder.name}{end}.safetensors", folder.name)
    keys = [row.key for answer in answers for row in rows_of(answer)]
    if keys:
        cache.vectors(keys, Encoder(folder, threads=settings.models.threads), on_progress)
        cache.save(keys)
    head = job.train_on(settings, knowledge, folder, Method.HEAD, on_progress) if is_main else None
    tuned.promote(original, folder)
    if head is not None:
        Registry(settings.data).promote(head.folder)
    for path in vectors.glob(f"{original.name}{tuned.MARK}*.safetensors"):
        if not original.with_name(path.name.split(".")[0]).is_dir():
            path.unlink(missing_ok=True)


def _outcome(
    folder: Path, found: tuning.Tuned, before: dict[str, Figures], after: dict[str, Figures],
    began: float, *, promoted: bool,
) -> Outcome:  # fmt: skip
    return Outcome(
        encoder=folder.name, promoted=promoted, steps=found.steps, point=found.point,
        before=before, after=after, seconds=round(time.monotonic() - began, 1),
    )  # fmt: skip

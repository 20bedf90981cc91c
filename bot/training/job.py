"""One training: prepare the encoder, train by a method, seal the model folder.

Runs in a process of its own (`frontdesk train`), so that the server never loads torch and a
training that dies takes nothing with it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot import errors, library
from bot.config import Settings
from bot.knowledge.model import Knowledge
from bot.training.registry import Registered, Registry
from classifier import artifact, reporting
from classifier import errors as classifier_errors
from classifier.methods import Method, recipe_for
from classifier.plan import Around, Plan
from classifier.train import train
from retrieval import errors as retrieval_errors

Progress = Callable[[str, float], None]
"""Called with the name of the step and the share of it that is done, 0 to 1."""


def run(settings: Settings, method: Method, *, on_progress: Progress) -> Registered:
    """Train a classifier for the project by `method` and put it into the registry.

    It is promoted if there is none for the same examples and encoder yet, or if it is at least as
    accurate on the held-out examples as that one.

    Raises:
        errors.KnowledgeError: the project cannot be read.
        errors.ModelError: the encoder cannot be made, or training failed.
    """
    knowledge = library.read(settings)
    registry = Registry(settings.data)
    try:
        encoder_folder = prepare_encoder(settings, knowledge.all_english, on_progress)
        trained = train_on(settings, knowledge, encoder_folder, method, on_progress)
    except (classifier_errors.ClassifierError, retrieval_errors.RetrievalError) as cause:
        hint = cause.hint
        raise errors.ModelError(str(cause).removesuffix(hint).strip(), hint=hint) from cause
    except OSError as cause:
        raise errors.ModelError(
            f"Training could not write to {settings.data}: {cause.strerror}.",
            hint="Free some space there (2 GB are plenty) and check its permissions.",
        ) from cause
    if is_better(trained, registry.current()):
        registry.promote(trained.folder)
    return trained


def train_on(
    settings: Settings,
    knowledge: Knowledge,
    encoder_folder: Path,
    method: Method,
    on_progress: Progress,
) -> Registered:
    """A classifier on the encoder in a folder, in the registry but not promoted.

    Raises:
        classifier.errors.ClassifierError: the examples cannot be learned.
        retrieval.errors.RetrievalError: the encoder cannot be loaded.
        OSError: the disk is full.
    """
    plan = Plan(
        method=method,
        encoder_folder=encoder_folder,
        encoder_id=encoder_folder.name,
        examples=knowledge.examples,
        holdout=settings.models.holdout,
        strict=False,  # our folders were checked when they were read; Rasa's may be thin
        recipe=recipe_for(method),
    )
    return _train(plan, Registry(settings.data).new_name(method.value), on_progress)


def prepare_encoder(settings: Settings, all_english: bool, on_progress: Progress) -> Path:
    """The folder of the encoder that serves for the settings, converted first if need be."""
    from retrieval.encoders import catalogue  # noqa: PLC0415 - heavy

    choice = catalogue.resolve(settings.models.encoder, all_english=all_english)
    return catalogue.serving(choice, Registry(settings.data).encoders, on_progress)


def is_better(new: Registered, used: Registered | None) -> bool:
    """Whether `new` should serve instead of `used`: other data, or on the same as accurate."""
    if used is None:
        return True
    same = (
        used.manifest.data_hash == new.manifest.data_hash
        and used.manifest.encoder == new.manifest.encoder
    )
    return not same or new.accuracy >= used.accuracy


def _train(plan: Plan, target: Path, on_progress: Progress) -> Registered:
    from retrieval.encoders import runtime  # noqa: PLC0415 - heavy

    encoder = runtime.Encoder(plan.encoder_folder, threads=plan.threads)
    with artifact.new_folder(target) as folder:
        trained = train(plan, folder, encoder, Around(on_progress=on_progress))
        on_progress("writing the report", 0.0)
        reporting.write(folder, trained, plan.examples)
        artifact.seal(folder, trained.manifest)
    return Registered(folder=target, manifest=artifact.read_unchecked(target))

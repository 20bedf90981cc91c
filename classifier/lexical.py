"""The words themselves: a linear classifier on character and word n-grams, beside the encoder's.

An encoder blurs rare words, product codes and spelling; n-grams see exactly those. Sparse features
beside dense ones: DIET, Bunk et al. 2020 (arXiv:2004.09936), section 3.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from classifier.evaluate import Gold

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

WEIGHTS_FILE = "lexical.safetensors"
VOCABULARY_FILE = "lexical.json"
MAX_CHARS = 2000  # of a text; what stands after that is not a question any more
MIN_COUNT = 2  # texts that an n-gram must occur in, once there are `MANY` of them
MANY = 2000
C = 1.0  # of the support vector machine
ABSENT = -2.0  # the margin of a class without examples: below any that has some

Floats = NDArray[np.float32]
# A Chinese character is a word of its own: no segmenter, and mixed text needs no special case. A
# punctuation mark is one too: "诗。" and "诗？" are different requests.
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+|[^\w\s]")
BEGIN, END = "^", "$"  # stand before the first word and after the last one


def pieces(text: str) -> Iterator[str]:
    """The n-grams of `text`: 1 and 2 words (3 if Chinese), and 2 to 4 characters within words.

    The two ends of the text count as words, but not alone.
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_CHARS]).casefold()
    words = [BEGIN, *_WORD.findall(folded), END]
    chinese = ["\u3400" <= word[0] <= "\u9fff" for word in words]
    for place, word in enumerate(words[1:], start=1):
        yield f"{words[place - 1]} {word}"
        if place > 1 and (chinese[place - 1] or chinese[place]):
            yield " ".join(words[place - 2 : place + 1])
        if place == len(words) - 1:
            return
        yield word
        if word[0].isalnum() and not chinese[place]:
            yield from _letters(word)


def _letters(word: str) -> Iterator[str]:
    padded = f"_{word}_"
    for size in (2, 3, 4):
        yield from (f"#{padded[i : i + size]}" for i in range(len(padded) - size + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class LexicalHead:
    """Weights of the n-grams: margins = tf-idf (unit length) @ weight + bias."""

    vocabulary: dict[str, int]
    """n-gram → row."""
    idf: Floats  # (n-grams,)
    weight: Floats  # (n-grams, classes)
    bias: Floats  # (classes,)

    def margins(self, texts: Sequence[str]) -> Floats:
        """Signed distances (n, classes) from each class's border; about -1 for "not this one"."""
        return np.stack([self._margin(text) for text in texts]) if texts else self.bias[None][:0]

    def _margin(self, text: str) -> Floats:
        rows, values = _weighed(text, self.vocabulary, self.idf)
        return values @ self.weight[rows] + self.bias  # (classes,)


def fit(texts: Sequence[str], gold: Gold, classes: int) -> LexicalHead:
    """One-against-the-rest linear support vector machines on tf-idf; convex, no seed.

    Args:
        texts: n of them.
        gold: (n,), at least two different classes.
        classes: at least 2; one that does not occur is never said.
    """
    from sklearn.svm import LinearSVC  # noqa: PLC0415 - only training needs it

    vocabulary, idf = _vocabulary(texts)
    machine = LinearSVC(C=C).fit(_matrix(texts, vocabulary, idf), gold)
    weight = np.zeros((len(vocabulary), classes), np.float32)
    bias = np.full(classes, ABSENT, np.float32)
    # scikit-learn keeps one border for two classes
    two = len(machine.classes_) == 2
    borders = np.vstack([-machine.coef_, machine.coef_]) if two else machine.coef_
    offsets = np.hstack([-machine.intercept_, machine.intercept_]) if two else machine.intercept_
    weight[:, machine.classes_], bias[machine.classes_] = borders.T, offsets
    return LexicalHead(
        vocabulary=vocabulary,
        idf=idf,
        # Half precision as it is stored, so that what was measured is what serves.
        weight=weight.astype(np.float16).astype(np.float32),
        bias=bias,
    )


def save(folder: Path, head: LexicalHead) -> None:
    """Write `head` into `folder`."""
    text = json.dumps(list(head.vocabulary), ensure_ascii=False)
    (folder / VOCABULARY_FILE).write_text(text, encoding="utf-8")
    arrays: dict[str, NDArray[Any]] = {
        "idf": head.idf,
        "weight": head.weight.astype(np.float16),
        "bias": head.bias,
    }
    save_file(arrays, folder / WEIGHTS_FILE)


def load(folder: Path) -> LexicalHead:
    """What `save` wrote into `folder`."""
    words = json.loads((folder / VOCABULARY_FILE).read_text(encoding="utf-8"))
    arrays = load_file(folder / WEIGHTS_FILE)
    return LexicalHead(
        vocabulary={word: row for row, word in enumerate(words)},
        idf=arrays["idf"],
        weight=arrays["weight"].astype(np.float32),
        bias=arrays["bias"],
    )


def _vocabulary(texts: Sequence[str]) -> tuple[dict[str, int], Floats]:
    seen = Counter(piece for text in texts for piece in set(pieces(text)))
    least = MIN_COUNT if len(texts) >= MANY else 1
    kept = [(piece, count) for piece, count in seen.items() if count >= least]
    counts = np.array([count for _, count in kept], dtype=np.float32)
    idf = np.log((1 + len(texts)) / (1 + counts)) + 1  # smoothed, as scikit-learn does
    return {piece: row for row, (piece, _) in enumerate(kept)}, idf.astype(np.float32)


def _matrix(texts: Sequence[str], vocabulary: dict[str, int], idf: Floats) -> csr_matrix[Any]:
    from scipy.sparse import csr_matrix  # noqa: PLC0415

    found = [_weighed(text, vocabulary, idf) for text in texts]
    ends = np.cumsum([0] + [len(rows) for rows, _ in found])
    columns = np.concatenate([rows for rows, _ in found])
    values = np.concatenate([values for _, values in found])
    return csr_matrix((values, columns, ends), shape=(len(texts), len(vocabulary)))


def _weighed(
    text: str, vocabulary: dict[str, int], idf: Floats
) -> tuple[NDArray[np.int64], Floats]:
    """Rows of the n-grams of `text` that are known, and their weights, of unit length."""
    counts = Counter(row for piece in pieces(text) if (row := vocabulary.get(piece)) is not None)
    rows = np.fromiter(counts, dtype=np.int64, count=len(counts))
    often = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
    values = (1 + np.log(often)) * idf[rows]  # sublinear: the third "please" says little
    return rows, (values / (np.linalg.norm(values) or 1.0)).astype(np.float32)

"""The served encoder with its real weights: shapes, order, meaning, odd texts."""

import pathlib
import shutil

import numpy as np
import pytest

from retrieval import errors
from retrieval.encoders import runtime, spec, tokenizing

# A question, the same in other words or the other language, something else.
TRIPLES = [
    ("where is my parcel?", "我的包裹到哪里了？", "可以用支付宝付款吗"),
    ("我想退货，怎么操作？", "I want to send something back", "what are your opening hours"),
    ("I forgot my password", "登录密码忘记了怎么办", "这件外套防水吗"),
    ("how can I pay?", "which payment methods do you accept", "my parcel arrived broken"),
    ("请给我开一张发票", "我需要發票", "推荐一部好看的电影"),
]


def test_vectors_are_float32_and_of_unit_length(encoder: runtime.Encoder) -> None:
    vectors = encoder.encode(["hello", "你好", ""])
    assert vectors.shape == (3, encoder.spec.dim)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_no_texts_give_no_vectors(encoder: runtime.Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.spec.dim)


@pytest.mark.parametrize(("question", "same", "other"), TRIPLES)
def test_a_paraphrase_is_closer_than_another_matter(
    encoder: runtime.Encoder, question: str, same: str, other: str
) -> None:
    vectors = encoder.encode([question, same, other])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.02


def test_vectors_come_back_in_the_order_of_the_texts(encoder: runtime.Encoder) -> None:
    texts = [f"order number {'very ' * (7 * i % 40)}{i}" for i in range(70)]
    together = encoder.encode(texts)
    for index in (0, 1, 35, 69):
        alone = encoder.encode([texts[index]])[0]
        assert int(np.argmax(together @ alone)) == index
        assert together[index] @ alone > 0.995  # int8 ranges depend on the batch


def test_the_sides_have_their_own_prefix(encoder: runtime.Encoder) -> None:
    query = encoder.encode(["refund"], spec.Side.QUERY)
    passage = encoder.encode(["refund"], spec.Side.PASSAGE)
    assert encoder.spec.prefix(spec.Side.QUERY) == "query: "
    assert not np.allclose(query, passage)


def test_progress_counts_texts(encoder: runtime.Encoder) -> None:
    told: list[tuple[int, int]] = []
    encoder.encode(["short"] * 70, on_progress=lambda done, total: told.append((done, total)))
    assert told == [(32, 70), (64, 70), (70, 70)]


def test_long_texts_are_cut_and_batched_by_tokens(encoder: runtime.Encoder) -> None:
    told: list[int] = []
    long = "parcel " * 3000
    vectors = encoder.encode([long] * 10, on_progress=lambda done, _total: told.append(done))
    assert told == [8, 10]  # 4096 tokens are 8 texts of 512
    assert vectors[0] @ encoder.encode(["parcel " * 505])[0] > 0.98


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00\x01", "👍🏽", "\u202e", "\ufeff"])
def test_odd_characters_do_not_fail(encoder: runtime.Encoder, text: str) -> None:
    assert np.isfinite(encoder.encode([text])).all()


def test_two_models_share_one_tokenizer(encoder_folder: pathlib.Path) -> None:
    assert tokenizing.load(encoder_folder, 512) is tokenizing.load(encoder_folder, 512)
    assert tokenizing.load(encoder_folder, 512) is not tokenizing.load(encoder_folder, 64)


@pytest.mark.parametrize("name", [spec.FILE_NAME, "tokenizer.json", spec.INT8])
def test_a_missing_or_damaged_file_is_named(
    encoder_folder: pathlib.Path, tmp_path: pathlib.Path, name: str
) -> None:
    for file in (spec.FILE_NAME, "tokenizer.json"):
        shutil.copyfile(encoder_folder / file, tmp_path / file)
    (tmp_path / spec.INT8).write_bytes(b"")
    (tmp_path / name).write_bytes(b"\x00damaged")
    with pytest.raises(errors.ArtifactError, match=name.replace(".", r"\.")):
        runtime.Encoder(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(errors.ArtifactError, match=name.replace(".", r"\.")):
        runtime.Encoder(tmp_path)

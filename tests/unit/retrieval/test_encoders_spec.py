"""`encoder.json`: written, read back, and checked."""

import json
import pathlib

import pytest

from retrieval import errors
from retrieval.encoders import spec

GOOD = spec.EncoderSpec(
    name="x", dim=4, query_prefix="q: ", passage_prefix="p: ", max_length=16, licence="MIT"
)


def test_it_comes_back_as_it_was_written(tmp_path: pathlib.Path) -> None:
    GOOD.write(tmp_path)
    assert spec.read(tmp_path) == GOOD
    assert GOOD.prefix(spec.Side.PASSAGE) == "p: "


@pytest.mark.parametrize(
    "change",
    [
        {"dim": 0},
        {"dim": "384"},
        {"dim": True},
        {"max_length": 1},
        {"pooling": "cls"},
        {"normalize": False},
        {"name": ""},
        {"unknown": 1},
    ],
)
def test_a_wrong_field_is_refused(tmp_path: pathlib.Path, change: dict[str, object]) -> None:
    GOOD.write(tmp_path)
    path = tmp_path / spec.FILE_NAME
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), encoding="utf-8")
    with pytest.raises(errors.ArtifactError, match=r"encoder\.json") as caught:
        spec.read(tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize("content", ["", "[]", '{"name": "x"}', "\ufeff{}"])
def test_a_damaged_file_is_refused(tmp_path: pathlib.Path, content: str) -> None:
    (tmp_path / spec.FILE_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(errors.ArtifactError):
        spec.read(tmp_path)

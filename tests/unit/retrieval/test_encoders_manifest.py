"""Sealed folders: built whole or not at all, and every change is noticed."""

import pathlib

import pytest

from retrieval import errors
from retrieval.encoders import manifest


@pytest.fixture
def sealed(tmp_path: pathlib.Path) -> pathlib.Path:
    target = tmp_path / "model"
    with manifest.build(target) as folder:
        (folder / "a.bin").write_bytes(b"weights" * 100)
        (folder / "b.json").write_text("{}", encoding="utf-8")
        manifest.seal(folder, choice="test")
    return target


def test_an_untouched_folder_passes(sealed: pathlib.Path) -> None:
    manifest.verify(sealed)


def test_one_flipped_bit_is_found(sealed: pathlib.Path) -> None:
    content = bytearray((sealed / "a.bin").read_bytes())
    content[350] ^= 1
    (sealed / "a.bin").write_bytes(content)
    with pytest.raises(errors.ArtifactError, match=r"a\.bin was changed") as caught:
        manifest.verify(sealed)
    assert caught.value.hint
    manifest.verify(sealed, skip_hash={"a.bin"})


def test_another_size_is_found_without_hashing(sealed: pathlib.Path) -> None:
    with (sealed / "a.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(errors.ArtifactError, match="701 bytes instead of 700"):
        manifest.verify(sealed, skip_hash={"a.bin"})


def test_a_missing_file_is_named(sealed: pathlib.Path) -> None:
    (sealed / "b.json").unlink()
    with pytest.raises(errors.ArtifactError, match=r"b\.json is missing"):
        manifest.verify(sealed)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        '{"format": 1}',
        '{"format": 9, "files": {}}',
        '{"format": 1, "files": {"../x": {"bytes": 1, "sha256": ""}}}',
        '{"format": 1, "files": []}',
    ],
)
def test_a_damaged_manifest(sealed: pathlib.Path, content: str) -> None:
    (sealed / manifest.FILE_NAME).write_text(content, encoding="utf-8")
    with pytest.raises(errors.ArtifactError):
        manifest.verify(sealed)


def test_a_failed_build_leaves_nothing(tmp_path: pathlib.Path) -> None:
    def fail() -> None:
        with manifest.build(tmp_path / "model") as folder:
            (folder / "half").write_text("x", encoding="utf-8")
            raise InterruptedError

    with pytest.raises(errors.ArtifactError, match="cannot be written"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_build_are_cleaned(tmp_path: pathlib.Path) -> None:
    (tmp_path / f".model{manifest.PART}123").mkdir()
    (tmp_path / ".other.part-123").mkdir()
    manifest.clean(tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == [".other.part-123"]


def test_a_folder_that_cannot_be_written(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    target = tmp_path / "file" / "model"
    with pytest.raises(errors.ArtifactError, match="cannot be written"), manifest.locked(target):
        pass


def test_too_little_disk(tmp_path: pathlib.Path) -> None:
    with pytest.raises(errors.TooLittleDisk, match="MiB free"):
        manifest.require_space(tmp_path, 1 << 60)

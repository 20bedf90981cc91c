"""The teacher's weights out of their packages: joined, checked, and refused when changed."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from pathlib import Path

import pytest

from retrieval import errors
from retrieval.encoders import teacher


def quiet(_step: str, _share: float) -> None:
    pass


@pytest.fixture
def whole() -> bytes:
    """A zip file as the packages hold it, with other weights."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in teacher.FILES:
            archive.writestr(f"{teacher.INSIDE}/{name}", f"content of {name}")
    return made.getvalue()


@pytest.fixture
def site(whole: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages, on the path."""
    folder = tmp_path / "site"
    size = -(-len(whole) // len(teacher.PARTS))
    for place, package in enumerate(teacher.PARTS):
        number = package[-3:]
        inside = Path(f"part_{number}") / "input" / f"{teacher.INSIDE}.zip.{number}"
        piece = folder / inside
        piece.parent.mkdir(parents=True)
        piece.write_bytes(whole[place * size : (place + 1) * size])
        info = folder / f"{package.replace('-', '_')}-0.0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 0.0.1\n")
        (info / "RECORD").write_text(f"{inside},,\n")
    # Instead of what is installed here, in front of which it would have to stand.
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])
    monkeypatch.setattr(teacher, "ZIP_SHA256", hashlib.sha256(whole).hexdigest())
    return folder


def test_the_pieces_are_joined(site: Path, tmp_path: Path) -> None:
    target = tmp_path / "joined"
    target.mkdir()
    teacher._join(target, quiet)
    assert {p.name: p.read_text() for p in target.iterdir()} == {
        name: f"content of {name}" for name in teacher.FILES
    }
    assert site.is_dir()


def test_a_changed_piece_is_refused_and_nothing_stays(site: Path, tmp_path: Path) -> None:
    piece = next(site.glob("part_003/input/*"))
    piece.write_bytes(b"!" + piece.read_bytes()[1:])
    with pytest.raises(errors.EncoderUnavailable, match="were changed"):
        teacher.load(teacher.NAME, tmp_path / "models", quiet)
    left = [p.name for p in (tmp_path / "models" / "teachers").iterdir()]
    assert left == [f".{teacher.NAME}.lock"]


def test_a_package_that_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(teacher, "PARTS", ("no-such-package-part-001",))
    with pytest.raises(errors.EncoderUnavailable, match="part-001 is not installed") as caught:
        teacher.load(teacher.NAME, tmp_path, quiet)
    assert "frontdesk[teacher]" in caught.value.hint


def test_an_unknown_teacher_is_refused(tmp_path: Path) -> None:
    with pytest.raises(errors.EncoderChoiceError, match="no teacher 'socrates'") as caught:
        teacher.load("socrates", tmp_path, quiet)
    assert "mpnet-en" in caught.value.hint

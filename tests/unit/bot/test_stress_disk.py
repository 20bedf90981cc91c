"""The disk that forgets: what is safe stays, what is not may go, and the power can be cut."""

from __future__ import annotations

import stat

import pytest

from bot.stress.disk import SECTOR, Change, Disk, File, Survival

FILE = stat.S_IFREG | 0o644


def made(path: str = "/a", content: bytes = b"", *, disk: Disk | None = None) -> Disk:
    """A disk with a file that is safe."""
    disk = disk or Disk()
    disk.rename({path: File(FILE)})
    disk.write(path, Change(0, content))
    disk.sync(path)
    return disk


def cut(disk: Disk, survival: Survival, seed: int = 1) -> None:
    disk.arm(0, survival, seed)
    assert not disk.is_on
    disk.power_on()


def now(disk: Disk, path: str = "/a") -> bytes:
    return bytes(disk.file(path).now)


@pytest.mark.parametrize("survival", list(Survival))
def test_what_was_synced_stays(survival: Survival) -> None:
    disk = made(content=b"safe")
    cut(disk, survival)
    assert now(disk) == b"safe"


def test_what_was_not_synced_is_seen_until_the_cut() -> None:
    disk = made(content=b"safe")
    disk.write("/a", Change(2, b"XYZ"))
    disk.write("/a", Change(7, b"!"))
    assert now(disk) == b"saXYZ\0\0!"
    disk.write("/a", Change(1, None))
    assert now(disk) == b"s"
    cut(disk, Survival.NONE)
    assert now(disk) == b"safe"


def test_some_in_order_is_a_prefix() -> None:
    found = set()
    for seed in range(40):
        disk = made()
        for place in range(4):
            disk.write("/a", Change(place, b"x"))
        cut(disk, Survival.SOME_IN_ORDER, seed)
        found.add(now(disk))
    assert found == {b"x" * length for length in range(5)}


def test_a_torn_write_keeps_whole_sectors() -> None:
    torn = 0
    for seed in range(40):
        disk = made(content=b"a" * 2000)
        disk.write("/a", Change(100, b"b" * 1500))
        cut(disk, Survival.TORN, seed)
        content = now(disk)
        assert content[:100] == b"a" * 100
        for start in range(SECTOR, 1536, SECTOR):
            assert len(set(content[start : start + SECTOR])) == 1
        torn += len(set(content[100:1600])) == 2
    assert torn


def test_a_new_name_is_lost_unless_the_file_or_its_folder_was_synced() -> None:
    disk = Disk()
    disk.rename({"/lost": File(FILE)})
    cut(disk, Survival.NONE)
    with pytest.raises(FileNotFoundError):
        disk.file("/lost")
    disk.rename({"/kept": File(FILE)})
    disk.sync("/")
    cut(disk, Survival.NONE)
    assert now(disk, "/kept") == b""


def test_a_renamed_file_is_the_old_or_the_new_one() -> None:
    found = set()
    for seed in range(20):
        disk = made(content=b"old")
        disk.rename({"/b": File(FILE)})
        disk.write("/b", Change(0, b"new"))
        disk.sync("/b")
        disk.rename({"/a": disk.file("/b"), "/b": None})
        cut(disk, Survival.SOME_IN_ORDER, seed)
        found.add(now(disk))
    assert found == {b"old", b"new"}


def test_the_power_goes_in_the_middle_of_the_change_that_was_named() -> None:
    disk = made()
    disk.arm(3, Survival.NONE, 1)
    disk.write("/a", Change(0, b"1"))
    disk.sync("/a")
    with pytest.raises(OSError, match="Input/output"):
        disk.write("/a", Change(1, b"2"))
    with pytest.raises(OSError, match="Input/output"):
        disk.file("/a")
    disk.power_on()
    assert now(disk) == b"1"

"""A file system that loses what was not synced when its power is cut; FUSE shows it to programs.

    python -m bot.stress.lossy FOLDER

It lives in a process of its own (`Mount` starts it) and in memory; see `bot.stress.disk`. Its power
is an extended attribute of its root, `user.power`.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib.util
import os
import shutil
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import errors
from bot.stress.disk import Change, Disk, File, Survival

POWER = "user.power"
MOUNTED_WITHIN_S = 10.0


@dataclass(slots=True)
class Mount:
    """Such a file system at `folder`, seen from the process that started it."""

    folder: Path
    process: asyncio.subprocess.Process | None = None

    async def open(self) -> None:
        """Start it.

        Raises:
            errors.ConfigError: FUSE or its Python side is missing here.
        """
        _need_fuse()
        self.folder.mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-m", "bot.stress.lossy", str(self.folder))
        root = str(Path(__file__).parents[2])
        environment = {"PYTHONPATH": root, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
        self.process = await asyncio.create_subprocess_exec(*command, env=environment)
        deadline = time.monotonic() + MOUNTED_WITHIN_S
        while not self.folder.is_mount():
            if self.process.returncode is not None or time.monotonic() > deadline:
                raise errors.ConfigError(
                    f"FUSE cannot be mounted at {str(self.folder)!r}.",
                    hint="Check that this user may open /dev/fuse.",
                )
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Unmount; what was on it is gone."""
        if self.process is None:
            return
        unmount = await asyncio.create_subprocess_exec("fusermount3", "-uz", str(self.folder))
        await unmount.wait()
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()  # it would wait for whoever still has a file open
        await self.process.wait()

    def arm(self, after: int, survival: Survival, seed: int) -> None:
        """Cut the power in the middle of change or sync number `after` from here on; 0 is now."""
        os.setxattr(self.folder, POWER, f"{after} {survival} {seed}".encode())

    @property
    def is_on(self) -> bool:
        """Whether there is power."""
        return os.getxattr(self.folder, POWER) == b"on"

    def power_on(self) -> None:
        """Give power again."""
        os.setxattr(self.folder, POWER, b"on")


def _need_fuse() -> None:
    if not Path("/dev/fuse").exists() or shutil.which("fusermount3") is None:
        raise errors.ConfigError("R2 needs FUSE.", hint="apt-get install fuse3, with /dev/fuse.")
    if importlib.util.find_spec("mfusepy") is None:
        raise errors.ConfigError("R2 needs mfusepy.", hint="pip install 'frontdesk[dev]'.")


class Shown:
    """The disk as FUSE asks for it; `mfusepy` calls these by name, one at a time."""

    use_ns = True

    def __init__(self) -> None:
        """Show an empty disk."""
        self._disk = Disk()

    def init(self, _path: str) -> None:
        """Nothing is to be prepared."""

    def destroy(self, _path: str) -> None:
        """Nothing is to be kept."""

    def getattr(self, path: str, _handle: int | None = None) -> dict[str, Any]:
        """Mode, size and times."""
        file = self._disk.files["/"] if path == "/" else self._disk.file(path)
        accessed, changed = file.times_ns
        return {
            "st_mode": file.mode,
            "st_nlink": 2 if file.is_folder else 1,
            "st_size": len(file.now),
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            "st_atime": accessed,
            "st_mtime": changed,
            "st_ctime": changed,
        }

    def readdir(self, path: str, _handle: int) -> list[str]:
        """Names in a folder."""
        start = path.rstrip("/") + "/"
        self._disk.file(path)
        inside = [one.removeprefix(start) for one in self._disk.files if one.startswith(start)]
        return [".", "..", *(name for name in inside if name and "/" not in name)]

    def create(self, path: str, mode: int, _info: object = None) -> int:
        """Make a file."""
        self._disk.rename({path: File(stat.S_IFREG | mode & 0o7777, times_ns=_now())})
        return 0

    def mkdir(self, path: str, mode: int) -> int:
        """Make a folder."""
        self._disk.rename({path: File(stat.S_IFDIR | mode & 0o7777, times_ns=_now())})
        return 0

    def open(self, path: str, _flags: int) -> int:
        """Open a file; there are no handles, paths will do."""
        self._disk.file(path)
        return 0

    def read(self, path: str, size: int, offset: int, _handle: int) -> bytes:
        """Read what programs see."""
        return bytes(self._disk.file(path).now[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, _handle: int) -> int:
        """Write to the cache."""
        self._disk.write(path, Change(offset, data))
        self._disk.file(path).times_ns = _now()
        return len(data)

    def truncate(self, path: str, length: int, _handle: int | None = None) -> int:
        """Cut or stretch, in the cache."""
        self._disk.write(path, Change(length, None))
        return 0

    def fsync(self, path: str, _only_data: int, _handle: int) -> int:
        """Make a file safe."""
        self._disk.sync(path)
        return 0

    def fsyncdir(self, path: str, _only_data: int, _handle: int) -> int:
        """Make the names in a folder safe."""
        self._disk.sync(path)
        return 0

    def unlink(self, path: str) -> int:
        """Take a name away."""
        self._disk.file(path)
        self._disk.rename({path: None})
        return 0

    def rmdir(self, path: str) -> int:
        """Take a folder away."""
        return self.unlink(path)

    def rename(self, old: str, new: str) -> int:
        """Give a file another name, whatever had it before."""
        self._disk.rename({new: self._disk.file(old), old: None})
        return 0

    def chmod(self, path: str, mode: int) -> int:
        """Change who may read it; safe at once."""
        file = self._disk.file(path)
        file.mode = stat.S_IFMT(file.mode) | mode & 0o7777
        return 0

    def chown(self, path: str, _owner: int, _group: int) -> int:
        """All files are ours."""
        self._disk.file(path)
        return 0

    def utimens(self, path: str, times: tuple[int, int] | None = None) -> int:
        """Set its times; safe at once."""
        self._disk.file(path).times_ns = times or _now()
        return 0

    def statfs(self, _path: str) -> dict[str, int]:
        """Room enough."""
        return {"f_bsize": 4096, "f_blocks": 2**20, "f_bavail": 2**20, "f_bfree": 2**20}

    def setxattr(
        self, path: str, name: str, value: bytes, _options: int, _position: int = 0
    ) -> int:
        """Power on, or a cut to come."""
        if path != "/" or name != POWER:
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        words = bytes(value).decode().split()
        if words == ["on"]:
            self._disk.power_on()
        else:
            self._disk.arm(int(words[0]), Survival(words[1]), int(words[2]))
        return 0

    def getxattr(self, path: str, name: str, _position: int = 0) -> bytes:
        """Whether there is power."""
        if path != "/" or name != POWER:
            raise OSError(errno.ENODATA, os.strerror(errno.ENODATA))
        return b"on" if self._disk.is_on else b"off"


def _now() -> tuple[int, int]:
    now = time.time_ns()
    return now, now


def main() -> None:
    """Show it until it is unmounted."""
    import mfusepy  # noqa: PLC0415 - needs the C library of FUSE

    never = {"attr_timeout": 0, "entry_timeout": 0, "negative_timeout": 0}
    mfusepy.FUSE(Shown(), sys.argv[1], foreground=True, nothreads=True, hard_remove=True, **never)


if __name__ == "__main__":
    main()

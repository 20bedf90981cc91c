"""What the processor can do with short numbers."""

import functools
import pathlib
import platform

CPUINFO = pathlib.Path("/proc/cpuinfo")
BFLOAT16 = {"avx512_bf16", "amx_bf16"}
VNNI = {"avx512_vnni", "avx_vnni"}


@functools.cache
def saturates() -> bool:
    """Tell whether this CPU's u8 x s8 products can overflow: x86 without VNNI, or unknown."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return not VNNI & _flags(CPUINFO)


@functools.cache
def multiplies_bfloat16() -> bool:
    """Tell whether this CPU has instructions for products of bfloat16 numbers."""
    return bool(BFLOAT16 & _flags(CPUINFO))


def _flags(cpuinfo: pathlib.Path) -> set[str]:
    """Return the first processor's flags; none where the system does not list them."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    except OSError:
        return set()
    return next((set(line.split()) for line in lines if line.startswith("flags")), set())

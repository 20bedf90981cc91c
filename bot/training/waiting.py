"""How the threads of a training wait for each other."""

from __future__ import annotations

import os


def be_patient() -> None:
    """Let torch's threads sleep while they wait, instead of spinning; before torch is imported.

    On a machine with other work a thread that spins keeps the very one from the processor that it
    waits for: a step takes ten times as long and more (docs/benchmarks.md). Whoever wants it
    otherwise sets OMP_WAIT_POLICY, which GNU's OpenMP reads when it is loaded.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

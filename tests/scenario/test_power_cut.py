"""R2, in short: the power is cut under a real server on a file system that forgets and tears.

Where this machine cannot mount one (no /dev/fuse), the test holds what is promised there: a line
that says what is missing. The full form is `frontdesk bench gateway --only R2`.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot import errors
from bot.stress import powercuts


async def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        with pytest.raises(errors.ConfigError, match="FUSE"):
            await powercuts.run(tmp_path / "none", 1)
        return
    safe = await powercuts.run(tmp_path / "safe", 3)
    assert safe.is_good, safe
    assert safe.acknowledged > 0
    weak = await powercuts.run(tmp_path / "weak", 2, synchronous="NORMAL")
    assert weak.lost + weak.damaged > 0, "the test would not notice a loss"

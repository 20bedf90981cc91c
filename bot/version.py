"""The version of Frontdesk, from the installed distribution."""

from __future__ import annotations

import importlib.metadata

try:
    VERSION = importlib.metadata.version("frontdesk")
except importlib.metadata.PackageNotFoundError:  # run from a folder without installing
    VERSION = "0+unknown"

"""The command line. Importing it loads no library: a broken installation still gets its doctor."""

from bot.cli.entry import main

__all__ = ["main"]

"""Replaces parts of a torch module for the length of a `with` block."""

import collections.abc
import contextlib

from torch import nn

Rule = collections.abc.Callable[[str, nn.Module], nn.Module | None]


@contextlib.contextmanager
def swapped(module: nn.Module, rule: Rule) -> collections.abc.Iterator[None]:
    """Replace submodules of `module`; they are back in place afterwards.

    Args:
        module: Changed in place.
        rule: Gets the dotted name and the submodule; gives its stand-in, or None to leave it.
    """
    done: list[tuple[nn.Module, str, nn.Module]] = []
    try:
        for prefix, parent in list(module.named_modules()):
            for name, child in list(parent.named_children()):
                stand_in = rule(f"{prefix}.{name}".lstrip("."), child)
                if stand_in is not None:
                    setattr(parent, name, stand_in)
                    done.append((parent, name, child))
        yield
    finally:
        for parent, name, child in reversed(done):
            setattr(parent, name, child)

"""Every error of the bot has an HTTP status of its own choosing, not by accident."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot import errors
from bot.web import middleware


def every(kind: type[errors.FrontdeskError]) -> Iterator[type[errors.FrontdeskError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every(below)


@pytest.mark.parametrize("kind", list(every(errors.FrontdeskError)))
def test_the_status_is_in_the_table(kind: type[errors.FrontdeskError]) -> None:
    assert kind in middleware.STATUS
    expected = 400 if issubclass(kind, errors.ClientError) else 500
    assert expected <= middleware.STATUS[kind] < expected + 100


@pytest.mark.parametrize("kind", list(every(errors.FrontdeskError)))
def test_the_tree_is_drawn(kind: type[errors.FrontdeskError]) -> None:
    assert errors.__doc__ is not None
    assert kind.__name__ in errors.__doc__

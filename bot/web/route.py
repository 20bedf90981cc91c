"""What a route is: served by `app`, described by `openapi`, guarded as its `Access` says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Access(StrEnum):
    """Who may use a route."""

    EVERYBODY = "everybody"
    VISITOR = "visitor"
    """Whoever sends a visitor's token; only his own conversation is there for him."""
    API = "api"
    """Whoever sends `server.api_token`; without one, only this machine."""
    VENDOR = "vendor"
    """Whoever proves himself as the channel's vendor does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parameter of the URL."""

    name: str
    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A path with its handler and what OpenAPI says of it."""

    method: str
    path: str
    handler: Handler
    summary: str
    access: Access
    body: Any = None
    """The type of the JSON body, if there is one."""
    needs_body: bool = True
    answer: Any = None
    """The type of the JSON answer; None when it is not JSON."""
    produces: tuple[str, ...] = ("application/json",)
    success: int = 200
    errors: tuple[int, ...] = ()
    """Statuses that it may answer besides `success`."""
    query: tuple[Query, ...] = ()
    links: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What can be done with the answer, in OpenAPI's form."""

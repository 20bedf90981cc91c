"""S4: who may do what, for every route of the table; a new route fails until it has an answer here.

What belongs to somebody else is not there (404, or an empty history), and who proves nothing gets
401.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import pytest

from bot.stress import vendors
from bot.web.route import Access, Route
from bot.web.routes import ROUTES
from tests.unit.bot.gateway_app import Running, running

API_TOKEN = "the-token-of-the-api"
VALUES = {"{sender}": "victim", "{channel}": "telegram", "{name}": "main.js", "{id}": "no_such"}
SECRET = "my number is 4711"
NOT_IN_THE_TABLE = {("GET", "/openapi.json"), ("HEAD", "/openapi.json")}
by_name = pytest.mark.parametrize("route", ROUTES, ids=lambda one: f"{one.method} {one.path}")


def path_of(route: Route) -> str:
    path = route.path
    for name, value in VALUES.items():
        path = path.replace(name, value)
    return path


async def status(
    it: Running, route: Route, *, query: str = "", headers: Mapping[str, str] | None = None
) -> int:
    url = f"{it.url}{path_of(route)}{query}"
    body: object = None if route.method == "GET" else {}
    async with it.http.request(route.method, url, json=body, headers=headers) as answer:
        return answer.status


@contextlib.asynccontextmanager
async def guarded(data: Path) -> AsyncIterator[Running]:
    async with running(data, server={"api_token": API_TOKEN}) as it:
        yield it


async def visitor(it: Running) -> dict[str, str]:
    _, body = await it.post("/v1/sessions", {})
    return {"Authorization": f"Bearer {body['token']}"}


async def test_the_table_holds_every_route_that_is_served(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        served = {
            (route.method, route.resource.canonical)
            for route in it.app.router.routes()
            if route.resource is not None
        }
    assert served - NOT_IN_THE_TABLE == {(route.method, route.path) for route in ROUTES}


@by_name
async def test_who_proves_nothing_gets_only_what_is_for_everybody(
    tmp_path: Path, route: Route
) -> None:
    async with guarded(tmp_path) as it:
        somebody = await visitor(it)
        altered = {"Authorization": somebody["Authorization"][:-3] + "AAA"}
        roles: dict[str, Mapping[str, str]] = {
            "nobody": {},
            "a token that is none": {"Authorization": "Bearer x.y.z"},
            "an altered token": altered,
            "a visitor": somebody,
            "a page of another site": {"Origin": "https://evil.example"},
        }
        for role, headers in roles.items():
            found = await status(it, route, headers=headers)
            is_let_in = route.access is Access.EVERYBODY or (
                route.access is Access.VISITOR and role == "a visitor"
            )
            if route.path == "/v1/events" and role == "a visitor":
                assert found == 200
            elif is_let_in:
                assert found not in (401, 403), role
            else:
                assert found == 401, role


@by_name
async def test_the_apis_token_opens_the_api_and_nothing_else(tmp_path: Path, route: Route) -> None:
    async with guarded(tmp_path) as it:
        wrong = await status(it, route, query="?token=wrong")
        right = await status(it, route, query=f"?token={API_TOKEN}")
        borne = await status(it, route, headers={"Authorization": f"Bearer {API_TOKEN}"})
        if route.access is Access.API:
            assert wrong == 401
            assert 401 not in (right, borne)
        elif route.access is not Access.EVERYBODY:
            assert (wrong, right, borne) == (401, 401, 401)


@by_name
async def test_without_a_token_no_page_of_a_browser_uses_the_api(
    tmp_path: Path, route: Route
) -> None:
    async with running(tmp_path) as it:
        found = await status(it, route, headers={"Origin": "http://localhost:3000"})
        assert route.access is not Access.API or found == 401


async def cannot_read(it: Running, mine: Mapping[str, str], _reply: int) -> None:
    """The history of another is not in one's own stream."""
    with contextlib.suppress(TimeoutError):
        async with it.http.get(
            f"{it.url}/v1/events", headers=mine, timeout=aiohttp.ClientTimeout(total=0.5)
        ) as answer:
            assert SECRET not in await answer.text()


async def cannot_say(it: Running, mine: Mapping[str, str], _reply: int) -> None:
    """The same id of a message is another message in one's own conversation."""
    body = {"id": "message-1", "text": "hello"}
    found, said = await it.post("/v1/messages", body, **mine)
    assert found == 200
    assert SECRET not in str(said)


async def cannot_rate(it: Running, mine: Mapping[str, str], reply: int) -> None:
    found, _ = await it.post("/v1/feedback", {"reply_id": reply, "verdict": "helpful"}, **mine)
    assert found == 404


FOREIGN: dict[str, Callable[[Running, Mapping[str, str], int], Awaitable[None]]] = {
    "/v1/events": cannot_read,
    "/v1/messages": cannot_say,
    "/v1/feedback": cannot_rate,
}


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.access is Access.VISITOR],
    ids=lambda one: one.path,
)
async def test_a_visitor_finds_nothing_of_another(tmp_path: Path, route: Route) -> None:
    async with running(tmp_path) as it:
        victim, other = await visitor(it), await visitor(it)
        body = {"id": "message-1", "text": SECRET}
        _, said = await it.post("/v1/messages", body, **victim)
        await FOREIGN[route.path](it, other, said["messages"][1]["id"])


@pytest.mark.parametrize(
    "route",
    [route for route in ROUTES if route.access is Access.VENDOR],
    ids=lambda one: one.method,
)
async def test_a_vendor_is_known_by_his_own_channel_only(tmp_path: Path, route: Route) -> None:
    async with running(tmp_path) as it:
        call = vendors.call("webhook", "u", 1, "hello", it.url)
        found = await it.http.request(
            route.method, it.url + path_of(route), data=call.body, headers=call.headers
        )
        assert found.status == 401


def test_refusals_are_what_the_table_says() -> None:
    needs = {Access.VISITOR, Access.API, Access.VENDOR}
    assert [r.path for r in ROUTES if r.access in needs and 401 not in r.errors] == []
    assert [r.path for r in ROUTES if r.access is Access.EVERYBODY and 401 in r.errors] == []

"""S9: only the origins in the settings, exactly as written there, may use the visitors' API.

For socket.io (WebSocket and polling) see tests/unit/bot/channels/test_sio.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.web.route import Route
from bot.web.routes import ROUTES
from tests.unit.bot.gateway_app import Running, running

SHOP = "https://shop.example"
OTHERS = [
    "null",
    "https://shop.example.evil.com",
    "https://evil-shop.example",
    "https://evilshop.example",
    "https://sub.shop.example",
    "http://shop.example",
    "https://shop.example:8443",
    "https://shop.example:443",
    "https://SHOP.example",
    "https://shop.example/",
    "https://shop.example, https://evil.example",
    "*",
    "",
]
OURS = [route for route in ROUTES if route.path.startswith("/v1/")]
by_path = pytest.mark.parametrize("route", OURS, ids=lambda one: one.path)


async def headers_of(it: Running, route: Route, origin: str, *, preflight: bool) -> dict[str, str]:
    _, body = await it.post("/v1/sessions", {})
    headers = {"Origin": origin, "Authorization": f"Bearer {body['token']}"}
    method = route.method
    if preflight:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        method = "OPTIONS"
    url = it.url + route.path
    json: object = {} if method == "POST" else None
    async with it.http.request(method, url, json=json, headers=headers) as answer:
        return {name.lower(): value for name, value in answer.headers.items()}


def granted(headers: dict[str, str]) -> list[str]:
    return [value for name, value in headers.items() if name.startswith("access-control-allow")]


@by_path
async def test_a_listed_origin_is_granted_by_name_and_without_credentials(
    tmp_path: Path, route: Route
) -> None:
    async with running(tmp_path, server={"allowed_origins": [SHOP]}) as it:
        for preflight in (True, False):
            headers = await headers_of(it, route, SHOP, preflight=preflight)
            assert headers["access-control-allow-origin"] == SHOP
            assert "Origin" in headers["vary"]
            assert "access-control-allow-credentials" not in headers


@by_path
async def test_any_other_origin_is_granted_nothing(tmp_path: Path, route: Route) -> None:
    async with running(tmp_path, server={"allowed_origins": [SHOP]}) as it:
        for origin in OTHERS:
            for preflight in (True, False):
                headers = await headers_of(it, route, origin, preflight=preflight)
                assert granted(headers) == [], origin


async def test_without_a_list_nobody_is_granted_anything(tmp_path: Path) -> None:
    async with running(tmp_path) as it:
        for origin in (SHOP, *OTHERS):
            assert granted(await headers_of(it, OURS[0], origin, preflight=True)) == []


async def test_what_is_not_the_visitors_api_is_granted_to_nobody(tmp_path: Path) -> None:
    async with running(tmp_path, server={"allowed_origins": [SHOP]}) as it:
        for route in ROUTES:
            if route.path.startswith(("/v1/", "/widget.js", "/assets/")):
                continue
            path = route.path.replace("{sender}", "u").replace("{channel}", "telegram")
            url, sent = it.url + path, {"Origin": SHOP}
            async with it.http.request(route.method, url, headers=sent) as answer:
                assert "Access-Control-Allow-Origin" not in answer.headers, path

"""The demo page, the widget and their static files."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

FOLDER = Path(__file__).parent.parent / "widget"
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".html": "text/html",
    ".svg": "image/svg+xml",
}
FRESH = {"Cache-Control": "no-cache"}  # always asked again, answered 304 when unchanged
OPEN = {"Cross-Origin-Resource-Policy": "cross-origin", "Access-Control-Allow-Origin": "*"}


async def demo(_request: web.Request) -> web.StreamResponse:
    """The demo shop with the widget on it."""
    headers = {**FRESH, "Content-Security-Policy": CONTENT_SECURITY_POLICY}
    return web.FileResponse(FOLDER / "demo.html", headers=headers)


async def widget(_request: web.Request) -> web.StreamResponse:
    """The one script that a page needs."""
    return _file(FOLDER / "widget.js")


async def asset(request: web.Request) -> web.StreamResponse:
    """A static file of the widget or the demo page; anything else is not found."""
    name = request.match_info["name"]
    known = {path.name: path for path in FOLDER.iterdir() if path.suffix in TYPES}
    if name not in known:
        raise web.HTTPNotFound
    return _file(known[name])


def _file(path: Path) -> web.FileResponse:
    headers = {**FRESH, **OPEN, "Content-Type": f"{TYPES[path.suffix]}; charset=utf-8"}
    return web.FileResponse(path, headers=headers)

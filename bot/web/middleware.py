"""Around every request: errors become statuses in one table, metrics count, CORS is checked."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog
from aiohttp import web

from bot import errors
from bot.web.keys import LIVE, METRICS, PARTS, RATES
from bot.web.limiting import client_address

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
STATUS: dict[type[errors.FrontdeskError], int] = {
    errors.BadRequest: 400,
    errors.BadText: 422,
    errors.NotFound: 404,
    errors.NotAcceptable: 406,
    errors.Unauthorized: 401,
    errors.Forged: 401,
    errors.TooLarge: 413,
    errors.TooMany: 429,
    errors.ClientError: 400,
    errors.VendorError: 503,
    errors.Busy: 503,
    errors.NotReady: 503,
    errors.StoreError: 503,
    errors.ModelError: 503,
    errors.ActionError: 503,
    errors.DependencyError: 503,
    errors.KnowledgeError: 500,
    errors.ConfigError: 500,
    errors.FrontdeskError: 500,
}
RETRY_AFTER_S = {
    errors.Busy: 1,
    errors.NotReady: 5,
    errors.StoreError: 5,
    errors.ModelError: 5,
    errors.VendorError: 5,
}
RASA_REASONS = {
    400: "BadRequest",
    401: "NotAuthenticated",
    404: "NotFound",
    406: "NotAcceptable",
    413: "BadRequest",
    422: "BadRequest",
}
HINTS = {404: "See /openapi.json for what there is."}
"""Of errors that aiohttp raises."""
RASA_VERSION = "3.6.21"  # whose wire formats are spoken
RASA_PATHS = ("/webhooks/", "/model/", "/conversations/", "/domain", "/status", "/version")
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_log = structlog.get_logger()


def status_of(error: errors.FrontdeskError) -> int:
    """The HTTP status of an error, by its nearest class in `STATUS`."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


@web.middleware
async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count the request and its time under its route, never under what the visitor wrote."""
    metrics = request.app[METRICS]
    started = time.perf_counter()
    resource = request.match_info.route.resource
    route = resource.canonical if resource else "unknown"
    status = 500
    try:
        response = await handler(request)
        status = response.status
        if request.app[LIVE].state.is_stopping and not response.prepared:
            response.force_close()  # the next request goes to another server
        return response
    finally:
        metrics.requests.labels(route, request.method, str(status)).inc()
        if route != "/v1/events":  # a stream lasts as long as the visitor stays
            metrics.latency.labels(route).observe(time.perf_counter() - started)


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error into JSON with a status, a message and a hint; never a stack trace."""
    try:
        response = await handler(request)
    except errors.FrontdeskError as error:
        status = status_of(error)
        if status >= 500 and not isinstance(error, errors.NotReady):  # that is said elsewhere
            _log.warning(str(error), action="request_failed", path=request.path, status=status)
        return _answer(request, status, type(error).__name__, error)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allowed = error.headers.get("Allow", "").replace(",", ", ")
        hint = f"Allowed here: {allowed}." if allowed else HINTS.get(error.status, "")
        plain = errors.ClientError(f"{error.status} {error.reason}.", hint=hint)
        response = _answer(request, error.status, error.reason.replace(" ", ""), plain)
        if "Allow" in error.headers:
            response.headers["Allow"] = error.headers["Allow"]
        return response
    except Exception:
        _log.exception("unexpected error", action="request_crashed", path=request.path)
        ours = errors.FrontdeskError("Something went wrong here.", hint="The log says more.")
        return _answer(request, 500, "InternalError", ours)
    return response


@web.middleware
async def limit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count requests to the visitors' API by where they come from."""
    if request.path.startswith("/v1/"):
        proxies = request.app[PARTS].settings.server.trusted_proxies
        await request.app[RATES].check("address", client_address(request, proxies))
    return await handler(request)


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let the widget's API be used from the origins in the settings, exactly as written there."""
    granted = cors_headers(request)
    preflight = request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers
    if granted and preflight:
        return web.Response(status=204, headers=granted)
    response = await handler(request)
    if not response.prepared:
        response.headers.update(granted)
    return response


def cors_headers(request: web.Request) -> dict[str, str]:
    """What a browser needs to see for this request; empty when its origin is not allowed."""
    origin = request.headers.get("Origin", "")
    if origin not in request.app[PARTS].settings.server.allowed_origins:
        return {}
    if not request.path.startswith("/v1/"):
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type, Last-Event-ID",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


async def add_safe_headers(_request: web.Request, response: web.StreamResponse) -> None:
    """Headers that every response carries."""
    for name, value in SAFE_HEADERS.items():
        response.headers.setdefault(name, value)


def _answer(
    request: web.Request, status: int, code: str, error: errors.FrontdeskError
) -> web.Response:
    message = str(error).removesuffix(error.hint).strip()
    waits = [s for kind, s in RETRY_AFTER_S.items() if isinstance(error, kind)]
    if isinstance(error, errors.TooMany):
        waits = [error.retry_after_s]
    headers = {"Retry-After": str(waits[0])} if waits else {}
    if request.path.startswith(RASA_PATHS):
        body = _rasa_error(status, message, error.hint)
    else:
        body = {"error": {"code": code, "message": message, "hint": error.hint}}
    return web.json_response(body, status=status, headers=headers)


def _rasa_error(status: int, message: str, hint: str) -> dict[str, object]:
    """The error body of Rasa's HTTP API (wire formats, 5)."""
    return {
        "version": RASA_VERSION,
        "status": "failure",
        "message": message,
        "reason": RASA_REASONS.get(status, "ServiceUnavailable" if status == 503 else "Error"),
        "details": {},
        "help": hint or None,
        "code": status,
    }

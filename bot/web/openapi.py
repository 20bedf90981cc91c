"""The OpenAPI 3.1 description of the gateway, made from its table of routes and its schemas."""

from __future__ import annotations

import re
from typing import Any

from pydantic import TypeAdapter

import bot.version
from bot.channels import catalogue
from bot.web import shapes
from bot.web.middleware import RASA_PATHS
from bot.web.route import Access, Route
from bot.web.routes import ROUTES

REASONS = {
    200: "Done.",
    201: "Made.",
    400: "The request cannot be understood.",
    401: "No valid token.",
    404: "There is no such thing.",
    405: "Not with this method.",
    413: "The body is too large.",
    429: "Too much of one visitor or address; try again after Retry-After seconds.",
    422: "The text cannot be accepted.",
    503: "Not possible now; try again after Retry-After seconds.",
}
SECURITY: dict[Access, list[dict[str, list[str]]]] = {
    Access.VISITOR: [{"visitor": []}],
    Access.API: [{"api": []}],
}
SCHEMES = {
    "visitor": {
        "type": "http",
        "scheme": "bearer",
        "description": "The token of POST /v1/sessions.",
    },
    "api": {
        "type": "apiKey",
        "in": "query",
        "name": "token",
        "description": "`server.api_token`; also as Authorization: Bearer. Without that setting "
        "only this machine is let in, and no browser.",
    },
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "sender": {"type": "string", "minLength": 1, "maxLength": 255},
    "channel": {"type": "string", "pattern": f"^{catalogue.NAME.pattern}$"},
    "name": {"type": "string", "pattern": "^[a-z.-]+$"},
    "id": {"type": "string", "minLength": 1, "maxLength": 200},
}
_PARAMETER = re.compile(r"{(\w+)}")
_RETRY_AFTER = {
    "Retry-After": {
        "description": "Seconds to wait.",
        "schema": {"type": "integer", "minimum": 0},
    }
}
_MAY_WAIT = (429, 503)


def describe() -> dict[str, Any]:
    """The whole document."""
    document = _Document()
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = document.operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frontdesk", "version": bot.version.VERSION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": document.schemas, "securitySchemes": SCHEMES},
    }


class _Document:
    """Collects the schemas that operations name."""

    def __init__(self) -> None:
        self.schemas: dict[str, Any] = {}

    def operation(self, route: Route) -> dict[str, Any]:
        """One method of one path."""
        operation: dict[str, Any] = {
            "summary": route.summary,
            "operationId": route.handler.__name__,
            "responses": {str(route.success): self._success(route)}
            | {str(status): self._failure(route, status) for status in route.errors},
        }
        if route.body is not None:
            operation["requestBody"] = {
                "required": route.needs_body,
                "content": {"application/json": {"schema": self._schema(route.body)}},
            }
        if parameters := _parameters(route):
            operation["parameters"] = parameters
        if route.access in SECURITY:
            operation["security"] = SECURITY[route.access]
        return operation

    def _success(self, route: Route) -> dict[str, Any]:
        content: dict[str, Any] = {kind: {} for kind in route.produces}
        if route.answer is not None:
            content["application/json"] = {"schema": self._schema(route.answer)}
        success = {"description": REASONS[route.success], "content": content}
        return success | ({"links": dict(route.links)} if route.links else {})

    def _failure(self, route: Route, status: int) -> dict[str, Any]:
        is_rasas = route.path.startswith(RASA_PATHS)
        shape: Any = shapes.RasaError if is_rasas else shapes.Error
        if route.path == "/readyz":
            shape = shapes.Readiness
        content: dict[str, Any] = {"application/json": {"schema": self._schema(shape)}}
        if route.access is Access.VENDOR:
            content["text/plain"] = {"schema": {"type": "string"}}
        failure: dict[str, Any] = {"description": REASONS[status], "content": content}
        return failure | ({"headers": _RETRY_AFTER} if status in _MAY_WAIT else {})

    def _schema(self, kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
        schema = TypeAdapter(kind).json_schema(ref_template="#/components/schemas/{model}")
        self.schemas |= schema.pop("$defs", {})
        title = schema.get("title")
        if title and schema.get("type") == "object":
            self.schemas[title] = schema
            return {"$ref": f"#/components/schemas/{title}"}
        return schema


def _parameters(route: Route) -> list[dict[str, Any]]:
    inside = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": PARAMETERS.get(name, {"type": "string"}),
        }
        for name in _PARAMETER.findall(route.path)
    ]
    return inside + [
        {
            "name": one.name,
            "in": "query",
            "schema": dict(one.schema),
            "description": one.description,
        }
        for one in route.query
    ]

"""The OpenAPI 3.1 description of the gateway, made from its table of routes and its schemas."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

import bot.version
from bot.web.routes import ROUTES, Route

REASONS = {
    200: "Done.",
    201: "Made.",
    400: "The request cannot be understood.",
    401: "No valid token.",
    404: "There is no such thing.",
    413: "The body is too large.",
    429: "Too much of one visitor or address; try again after Retry-After seconds.",
    422: "The text cannot be accepted.",
    503: "Not possible now; try again after Retry-After seconds.",
}
ERROR_SCHEMA: dict[str, Any] = {"type": "object", "description": "What is wrong, and the remedy."}
_PARAMETER = re.compile(r"{(\w+)}")


def describe() -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, dict[str, Any]] = {}
    schemas: dict[str, Any] = {"Error": ERROR_SCHEMA}
    for route in ROUTES:
        if route.body is not None:
            schemas[route.body.__name__] = _schema(route.body)
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Frontdesk", "version": bot.version.VERSION},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"visitor": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "summary": route.summary,
        "operationId": route.handler.__name__,
        "responses": {str(route.success): _success(route)}
        | {str(status): _failure(status) for status in route.errors},
    }
    if route.body is not None:
        reference = {"$ref": f"#/components/schemas/{route.body.__name__}"}
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": reference}},
        }
    names = _PARAMETER.findall(route.path)
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in names
        ]
    if route.token:
        operation["security"] = [{"visitor": []}]
    return operation


def _success(route: Route) -> dict[str, Any]:
    return {"description": REASONS[route.success], "content": {route.produces: {}}}


def _failure(status: int) -> dict[str, Any]:
    reference = {"$ref": "#/components/schemas/Error"}
    return {
        "description": REASONS[status],
        "content": {"application/json": {"schema": reference}},
    }


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(ref_template="#/components/schemas/{model}")

"""Traces for OpenTelemetry, when an address is configured; else nothing is loaded.

A message has three spans: taken in, answered, sent; `frontdesk.message` holds them together over
restarts; within the answer each model has one. No span holds what was said. Watchers are told how
long each took, with and without traces.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import bot.version
from bot import errors


class _Off:
    """Traces nothing."""

    tracer: Any = None
    provider: Any = None


_now = _Off()
Watcher = Callable[[str, float], None]
"""Name of the span, seconds."""
_watchers: list[Watcher] = []


@contextlib.contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Tell `watcher` how long each span takes."""
    _watchers.append(watcher)
    try:
        yield
    finally:
        _watchers.remove(watcher)


def configure(endpoint: str) -> None:
    """Send traces to the collector at `endpoint` (OTLP over HTTP), or none if it is empty.

    Raises:
        errors.ConfigError: the packages for it are not installed.
    """
    close()
    if not endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415
    except ImportError as cause:
        raise errors.ConfigError(
            "Traces need the packages of OpenTelemetry.",
            hint="pip install 'frontdesk[tracing]' -c constraints.txt, or empty `otlp_endpoint`.",
        ) from cause
    about = {"service.name": "frontdesk", "service.version": bot.version.VERSION}
    _now.provider = TracerProvider(resource=Resource(about))
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
    _now.provider.add_span_processor(BatchSpanProcessor(exporter))
    _now.tracer = _now.provider.get_tracer("frontdesk")


def close() -> None:
    """Send what waits, and trace nothing any more. Blocks until it is sent or given up."""
    provider, _now.provider, _now.tracer = _now.provider, None, None
    if provider is not None:
        provider.shutdown()


@contextlib.contextmanager
def span(name: str, **about: str) -> Iterator[None]:
    """Time a part of the work; a failure in it is marked, by its kind only."""
    started = time.perf_counter()
    try:
        with _traced(name, about) if _now.tracer is not None else contextlib.nullcontext():
            yield
    finally:
        took_s = time.perf_counter() - started
        for watcher in _watchers:
            watcher(name, took_s)


@contextlib.contextmanager
def _traced(name: str, about: Mapping[str, str]) -> Iterator[None]:
    attributes = {f"frontdesk.{key}": value for key, value in about.items()}
    with _now.tracer.start_as_current_span(
        name, attributes=attributes, record_exception=False, set_status_on_exception=False
    ) as current:
        try:
            yield
        except BaseException as cause:
            current.set_attribute("error.type", type(cause).__name__)
            raise

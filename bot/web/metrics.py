"""Prometheus metrics of one application; no label holds anything that a visitor wrote."""

from __future__ import annotations

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS_S = (0.0025, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """The metrics, in a registry of their own so that two applications do not collide."""

    def __init__(self) -> None:
        """Start at zero."""
        self.registry = CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "frontdesk_http_requests_total",
            "HTTP requests.",
            ("route", "method", "status"),
            registry=self.registry,
        )
        self.latency = Histogram(
            "frontdesk_http_request_seconds",
            "Time to answer an HTTP request.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.turns = Counter(
            "frontdesk_turns_total",
            "Messages answered.",
            ("channel", "outcome", "language"),
            registry=self.registry,
        )
        self.turn_time = Histogram(
            "frontdesk_turn_seconds",
            "Time from a message to its stored reply.",
            ("channel",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.waiting = Gauge(
            "frontdesk_model_waiting",
            "Messages waiting for a model.",
            ("model",),
            registry=self.registry,
        )
        self.streams = Gauge(
            "frontdesk_event_streams", "Open event streams.", registry=self.registry
        )
        self.ready = Gauge(
            "frontdesk_ready", "1 when messages are answered.", registry=self.registry
        )
        self.knowledge_broken = Gauge(
            "frontdesk_knowledge_broken",
            "1 when the knowledge on disk is broken and an older version serves.",
            registry=self.registry,
        )
        self.training = Gauge(
            "frontdesk_training_share",
            "Share of the running training's step that is done; -1 when none runs.",
            registry=self.registry,
        )
        self.loop_lag = Gauge(
            "frontdesk_event_loop_lag_seconds",
            "How late the event loop woke up at the last look.",
            registry=self.registry,
        )

    def page(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)

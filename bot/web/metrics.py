"""Prometheus metrics of one application; no label holds anything that a visitor wrote."""

from __future__ import annotations

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.domain import Message, Turn

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
        self.stages = Histogram(
            "frontdesk_stage_seconds",
            "Time of a stage: accept (stored durably), classifier, retriever, answer, send.",
            ("stage",),
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self.feedback = Counter(
            "frontdesk_feedback_total",
            "What visitors thought of replies.",
            ("channel", "verdict"),
            registry=self.registry,
        )
        self.pieces = Counter(
            "frontdesk_pieces_total",
            "Pieces of replies and events: sent, postponed or dead.",
            ("channel", "how"),
            registry=self.registry,
        )
        self.delivery_time = Histogram(
            "frontdesk_delivery_seconds",
            "Time from a stored reply to its taken piece.",
            ("channel",),
            buckets=(*BUCKETS_S, 30, 60, 300, 3600),
            registry=self.registry,
        )
        self.backlog = Gauge(
            "frontdesk_backlog",
            "What is stored and waits: messages, pieces; failed messages, dead pieces.",
            ("kind",),
            registry=self.registry,
        )
        self.in_hand = Gauge(
            "frontdesk_in_hand",
            "What this process works on: messages, pieces.",
            ("kind",),
            registry=self.registry,
        )
        self.breakers = Gauge(
            "frontdesk_breaker_open",
            "1 while a vendor does not answer and calls to it are held back.",
            ("channel",),
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

    def stage(self, name: str, seconds: float) -> None:
        """A stage took so long."""
        self.stages.labels(name).observe(seconds)

    def answered(self, message: Message, turn: Turn, seconds: float) -> None:
        """A message was answered, so long after it came in."""
        language = str(turn.reasons.get("language", ""))
        self.turns.labels(message.channel, turn.outcome.value, language).inc()
        self.turn_time.labels(message.channel).observe(seconds)

    def sent(self, channel: str, how: str, seconds: float) -> None:
        """A piece was sent, postponed or given up, so long after it was made."""
        self.pieces.labels(channel, how).inc()
        if how == "sent":
            self.delivery_time.labels(channel).observe(seconds)

    def page(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return prometheus_client.generate_latest(self.registry)

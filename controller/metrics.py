"""What the controller tells Prometheus. Labels take values from bounded sets only."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_LATENCY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """All metrics of one controller, in a registry of their own."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        name = "campus_controller_"
        self.messages = Counter(name + "messages", "Messages received", ["kind"], registry=registry)
        self.batches = Counter(name + "batches", "Batches joined", registry=registry)
        self.batch_bytes = Counter(
            name + "batch_bytes", "Payload bytes of decoded batches", registry=registry
        )
        self.batch_values = Counter(
            name + "batch_values", "Values in decoded batches", registry=registry
        )
        self.samples_fresh = Counter(
            name + "samples_fresh", "Samples the rules had not seen", registry=registry
        )
        self.values_stored = Counter(
            name + "values_stored", "Values made durable", registry=registry
        )
        self.repeated = Counter(
            name + "batches_repeated", "Batches that brought nothing new", registry=registry
        )
        self.refused = Counter(
            name + "refused", "Messages or parts refused for good", ["reason"], registry=registry
        )
        self.dropped = Counter(
            name + "dropped", "Batches left unacked, to come again", ["reason"], registry=registry
        )
        self.group_s = Histogram(
            name + "group_seconds",
            "Time from decoding to commit of one group",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.rules_s = Histogram(
            name + "rules_seconds",
            "Rule evaluation of one group",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.commit_s = Histogram(
            name + "commit_seconds",
            "State transaction of one group",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.write_s = Histogram(
            name + "store_write_seconds",
            "Store write, retries included",
            buckets=_LATENCY_S,
            registry=registry,
        )
        self.store_failures = Counter(
            name + "store_failures", "Writes not confirmed", ["reason"], registry=registry
        )
        self.store_up = Gauge(name + "store_up", "Whether the store takes data", registry=registry)
        self.store_pending = Gauge(
            name + "store_pending_values", "Values waiting for the store", registry=registry
        )
        self.lag_s = Gauge(
            name + "lag_seconds", "Age of the newest sample of the last group", registry=registry
        )
        self.transitions = Counter(
            name + "transitions", "Alarm transitions recorded", ["kind"], registry=registry
        )
        self.commands = Counter(name + "commands", "Commands ended", ["outcome"], registry=registry)
        self.commands_open = Gauge(
            name + "commands_open", "Commands without an outcome", registry=registry
        )
        self.gateways = Gauge(name + "gateways", "Gateways by state", ["state"], registry=registry)
        self.outbox_pending = Gauge(
            name + "outbox_pending", "Notices not delivered yet", registry=registry
        )
        self.outbox_dead = Gauge(name + "outbox_dead", "Notices given up", registry=registry)
        self.alarms_open = Gauge(
            name + "alarms_open", "Open alarms", ["severity", "state"], registry=registry
        )
        self.broker_up = Gauge(
            name + "broker_up", "Whether the broker is connected", registry=registry
        )
        self.memory_bytes = Gauge(
            name + "memory_bytes", "Resident memory of the process", registry=registry
        )

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return generate_latest(self.registry)

"""Tables of the state database.

Times are nanoseconds since 1970 in UTC. Bodies are JSON texts whose shape belongs to the module
that writes them. The migrations in `controller.state.migrations` make exactly these tables, and a
test compares the two.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_KEY: Final = String(64)
# SQLite counts up only columns that are INTEGER PRIMARY KEY.
_COUNTER: Final = BigInteger().with_variant(Integer, "sqlite")


def _id() -> Column[int]:
    return Column("id", _COUNTER, primary_key=True, autoincrement=True)


def _ns(name: str, *, nullable: bool = False, **options: Any) -> Column[int]:
    return Column(name, BigInteger, nullable=nullable, **options)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    return Column(name, Text, nullable=nullable)


def _key(name: str, *, nullable: bool = False, primary_key: bool = False) -> Column[str]:
    return Column(name, _KEY, nullable=nullable, primary_key=primary_key)


# --- what gateways sent --------------------------------------------------------------------------

catalogs: Final = Table(
    "catalogs",
    metadata,
    _key("gateway", primary_key=True),
    Column("revision", String(16), primary_key=True),
    Column("body", LargeBinary, nullable=False),  # the canonical document of the catalog
    _ns("first_seen_ns"),
)

gateways: Final = Table(
    "gateways",
    metadata,
    _key("gateway", primary_key=True),
    _key("school", nullable=True),
    _key("boot", nullable=True),
    _key("epoch", nullable=True),
    Column("state", String(16), nullable=False),  # online | stopping | offline | unknown
    _ns("state_since_ns"),
    _ns("last_seen_ns"),
    Column("catalog", String(16), nullable=True),
    _text("body"),  # the last status
)

# Interval sets of sample numbers: JSON [[first, last], …], ascending and apart.
ranges: Final = Table(
    "ranges",
    metadata,
    _key("gateway", primary_key=True),
    _key("epoch", primary_key=True),
    _text("processed"),  # seen by the rules, refused ones included
    _text("stored"),  # durable in the telemetry store
    _text("refused"),  # will never be stored
    _ns("updated_ns"),
)

gaps: Final = Table(
    "gaps",
    metadata,
    _id(),
    _key("gateway"),
    _key("epoch"),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    _key("reason"),
    _ns("time_ns"),
    UniqueConstraint("gateway", "epoch", "first", "last", "reason"),
)

events: Final = Table(
    "events",
    metadata,
    _key("id", primary_key=True),
    _key("gateway"),
    _key("device", nullable=True),
    _key("kind"),
    _ns("time_ns"),
    _ns("received_ns"),
    _text("body"),  # the attributes
    Index(None, "gateway", "time_ns"),
    Index(None, "kind", "time_ns"),
)

quarantine: Final = Table(
    "quarantine",
    metadata,
    _id(),
    _key("gateway"),
    _key("kind"),  # batch | event | receipt | status | catalog
    _key("reason"),
    _text("message"),
    Column("payload", LargeBinary, nullable=False),  # its first bytes
    Column("payload_bytes", Integer, nullable=False),
    _ns("time_ns"),
)

# --- rules, alarms, notices ----------------------------------------------------------------------

rule_states: Final = Table(
    "rule_states",
    metadata,
    _key("rule", primary_key=True),
    Column("instance", String(200), primary_key=True),
    _text("body"),
    _ns("updated_ns"),
)

alarms: Final = Table(
    "alarms",
    metadata,
    _key("id", primary_key=True),
    _key("rule"),
    Column("instance", String(200), nullable=False),
    _key("gateway", nullable=True),
    _key("school", nullable=True),
    _key("building", nullable=True),
    _key("area", nullable=True),
    _key("device", nullable=True),
    _key("point", nullable=True),
    _key("category", nullable=True),
    Column("severity", String(16), nullable=False),
    Column("alarm_class", String(16), nullable=False),
    Column("state", String(32), nullable=False),  # controller.alarm_life.AlarmState
    Column("latched", Boolean, nullable=False),
    _text("suppressed_by"),  # JSON array; empty while the alarm annunciates
    _ns("condition_ns"),  # the four times: condition, annunciated, cleared, acknowledged
    _ns("raised_ns"),
    _ns("cleared_ns", nullable=True),
    _ns("acked_ns", nullable=True),
    Column("acked_by", String(200), nullable=True),
    Column("occurrence", Integer, nullable=False, default=1),
    Column("value", Float(53), nullable=True),
    Column("limit_value", Float(53), nullable=True),
    Column("unit", String(16), nullable=True),
    _text("body"),  # texts and whatever else the notices need
    _ns("updated_ns"),
    Index(None, "rule", "instance"),
    Index(None, "state", "raised_ns"),
    Index(None, "school", "raised_ns"),
)

transitions: Final = Table(
    "transitions",
    metadata,
    _id(),
    Column("alarm", _KEY, ForeignKey("alarms.id"), nullable=False),
    Column("kind", String(32), nullable=False),  # raised | cleared | acknowledged | …
    _ns("time_ns"),  # of the event
    _ns("recorded_ns"),  # by the wall clock of the controller
    Column("value", Float(53), nullable=True),
    Column("by", String(200), nullable=True),
    _text("note", nullable=True),
    Index(None, "alarm", "id"),
    Index(None, "recorded_ns"),
)

outbox: Final = Table(
    "outbox",
    metadata,
    _id(),
    Column("alarm", _KEY, ForeignKey("alarms.id"), nullable=True),
    Column("transition", _COUNTER, ForeignKey("transitions.id"), nullable=True),
    _key("channel"),
    Column("key", String(200), nullable=False, unique=True),  # idempotency key
    _text("body"),
    Column("state", String(16), nullable=False),  # pending | sent | dead
    Column("attempts", Integer, nullable=False, default=0),
    _ns("next_try_ns"),
    _ns("created_ns"),
    _ns("sent_ns", nullable=True),
    _text("last_error", nullable=True),
    Index(None, "state", "next_try_ns"),
    Index(None, "alarm"),
)

# --- commands, people ----------------------------------------------------------------------------

commands: Final = Table(
    "commands",
    metadata,
    _key("id", primary_key=True),
    _key("gateway"),
    _key("device"),
    _key("point"),
    Column("value", Float(53), nullable=False),
    Column("by", String(200), nullable=False),  # a token's name, or rule:<id>
    _ns("issued_ns"),
    _ns("expires_ns"),
    _text("body"),  # the signed message
    Column("published", Integer, nullable=False, default=0),
    Column("outcome", String(16), nullable=True),  # None while it is open
    _key("reason", nullable=True),
    Column("value_read", Float(53), nullable=True),
    _ns("ended_ns", nullable=True),
    Index(None, "outcome", "expires_ns"),
    Index(None, "gateway", "device", "issued_ns"),
)

receipts: Final = Table(
    "receipts",
    metadata,
    _key("id", primary_key=True),
    _key("gateway"),
    _key("command"),
    Column("outcome", String(16), nullable=False),
    _key("reason", nullable=True),
    _ns("time_ns"),
    _ns("received_ns"),
)

tokens: Final = Table(
    "tokens",
    metadata,
    _key("id", primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("hash", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),  # viewer | operator | admin
    _ns("created_ns"),
    _ns("revoked_ns", nullable=True),
)

# Append-only; each row's hash covers the row and the hash before it.
audit: Final = Table(
    "audit",
    metadata,
    _id(),
    _ns("time_ns"),
    Column("who", String(200), nullable=False),
    _key("action"),
    Column("target", String(200), nullable=False),
    _text("detail"),
    Column("hash", String(64), nullable=False),
    Index(None, "time_ns"),
)

"""Tables of alerts: groups, the keys that name them, their alerts, storms."""

from sqlalchemy import Boolean, Column, Index, String, Table, Text

from storage.tables.base import UtcDateTime, metadata

alert_groups = Table(
    "alert_groups",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("severity", String(8), nullable=False),
    Column("title", Text, nullable=False),
    Column("firing", Boolean, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("resolved_at", UtcDateTime),
    Column("storm", String(32), nullable=False, server_default=""),
    Column("acknowledged_by", String(64), nullable=False, server_default=""),
    Column("silenced", Boolean, nullable=False),
    Column("source", String(64), nullable=False, server_default=""),
    Column("external_url", Text, nullable=False, server_default=""),
    Column("record", Text, nullable=False),
    Index("ix_alert_groups_channel_seen_at", "channel", "seen_at"),
    Index("ix_alert_groups_firing_seen_at", "firing", "seen_at"),
    Index("ix_alert_groups_storm", "storm"),
    Index("ix_alert_groups_resolved_at", "resolved_at"),
)

alert_keys = Table(
    "alert_keys",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("group_id", String(32), nullable=False),
    Index("ix_alert_keys_group_id", "group_id"),
)

alerts = Table(
    "alerts",
    metadata,
    Column("group_id", String(32), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("firing", Boolean, nullable=False),
    Column("alert", Text, nullable=False),
    Column("absent_since", UtcDateTime),
    Index("ix_alerts_fingerprint", "fingerprint"),
)

alertmanagers = Table(
    "alertmanagers",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("matched_at", UtcDateTime, nullable=False),
)

storms = Table(
    "storms",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("channel", String(64), nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Index("ix_storms_channel_last_at", "channel", "last_at"),
)

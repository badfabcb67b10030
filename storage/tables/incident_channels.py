"""Tables of incidents' channels."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, String, Table

from storage.tables.base import UtcDateTime, metadata

incident_channels = Table(
    "incident_channels",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("incident_id", String(64), nullable=False),
    Column("channel_id", String(64)),
    Column("busy_until", UtcDateTime),
    Index("ix_incident_channels_incident_id", "incident_id"),
    Index("ix_incident_channels_channel_id", "channel_id", unique=True),
)

channel_event_times = Table(
    "channel_event_times",
    metadata,
    Column("channel_id", String(64), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    PrimaryKeyConstraint("channel_id", "subject", name="pk_channel_event_times"),
    Index("ix_channel_event_times_at", "at"),
)
"""When the newest event about each message, member and channel happened."""

"""Tables of incidents' channels."""

from sqlalchemy import Column, Index, String, Table

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

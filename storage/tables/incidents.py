"""Tables of incidents: records, timeline entries, and which incident an alert group or operation belongs to."""

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, true

from storage.tables.base import UtcDateTime, metadata

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(255), unique=True),
    Column("open_cause", String(400), unique=True),
    Column("state", String(16), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("environment", String(64), nullable=False),
    Column("channel_id", String(64), nullable=False, server_default=""),
    Column("security", Boolean, nullable=False),
    Column("declared_at", UtcDateTime, nullable=False),
    Column("closed_at", UtcDateTime),
    Column("next_due_at", UtcDateTime),
    Column("acknowledged_at", UtcDateTime),
    Column("mitigated_at", UtcDateTime),
    Column("resolved_at", UtcDateTime),
    Column("cause", String(400), nullable=False, server_default=""),
    Column("services", Text, nullable=False, server_default=""),
    Column("reopened", Integer, nullable=False, server_default="0"),
    Column("is_counted", Boolean, nullable=False, server_default=true()),
    Column("record", Text, nullable=False),
    Index("ix_incidents_declared_at", "declared_at"),
    Index("ix_incidents_is_open_declared_at", "is_open", "declared_at"),
    Index("ix_incidents_channel_id", "channel_id"),
    Index("ix_incidents_closed_at", "closed_at"),
)

incident_entries = Table(
    "incident_entries",
    metadata,
    Column("incident_id", String(32), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("ref", String(64), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    Column("entry", Text, nullable=False),
    Index("ix_incident_entries_incident_id_ref", "incident_id", "ref"),
)

postmortems = Table(
    "postmortems",
    metadata,
    Column("incident_id", String(32), primary_key=True),
    Column("drafted_at", UtcDateTime, nullable=False),
    Column("draft", Text, nullable=False),
)

incident_subjects = Table(
    "incident_subjects",
    metadata,
    Column("subject", String(64), primary_key=True),
    Column("incident_id", String(32), nullable=False),
    Index("ix_incident_subjects_incident_id", "incident_id"),
)

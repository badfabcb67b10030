"""How the REST API and the webhooks write things as JSON."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sandbox.pagerduty.model import Incident, Json, LogEntry


def time_text(at: datetime, zone: ZoneInfo | None = None) -> str:
    """Whole seconds, with ``Z`` for UTC and the offset for another zone, as PagerDuty writes times."""
    local = at.astimezone(zone or UTC).replace(microsecond=0)
    return local.isoformat().replace("+00:00", "Z")


def incident_json(incident: Incident, zone: ZoneInfo | None) -> Json:
    """As ``GET /incidents`` has it."""
    return _common(incident) | {
        "type": "incident",
        "summary": f"[#{incident.number}] {incident.title}",
        "incident_number": incident.number,
        "created_at": time_text(incident.created_at, zone),
        "updated_at": time_text(incident.changed_at, zone),
        "last_status_change_at": time_text(incident.changed_at, zone),
        "last_status_change_by": incident.changed_by,
        "assignments": [{"at": time_text(incident.changed_at, zone), "assignee": user.reference} for user in incident.assignees],
        "acknowledgements": [
            {"at": time_text(incident.changed_at, zone), "acknowledger": user.reference} for user in incident.acknowledgers
        ],
        "escalation_policy": incident.service.policy.reference,
        "priority": None,
        "incidents_responders": [],
    }


def webhook_incident(incident: Incident) -> Json:
    """``event.data`` of a webhook v3."""
    return _common(incident) | {
        "type": "incident",
        "number": incident.number,
        "created_at": time_text(incident.created_at),
        "assignees": [user.reference for user in incident.assignees],
        "escalation_policy": incident.service.policy.reference,
        "teams": [],
        "priority": None,
        "conference_bridge": None,
        "resolve_reason": None,
    }


def log_entry_json(entry: LogEntry, zone: ZoneInfo | None) -> Json:
    return {"id": entry.id, "type": entry.type, "created_at": time_text(entry.at, zone), "agent": entry.agent, **entry.detail}


def _common(incident: Incident) -> Json:
    return {
        "id": incident.id,
        "self": f"https://api.pagerduty.com/incidents/{incident.id}",
        "html_url": f"https://deep-echo.pagerduty.com/incidents/{incident.id}",
        "title": incident.title,
        "status": incident.status.value,
        "incident_key": incident.key,
        "service": incident.service.reference,
        "urgency": "high" if incident.severity in ("critical", "error") else "low",
    }

"""Webhooks from PagerDuty: whose they are, and what they say."""

import json
from hashlib import sha256
from hmac import new
from typing import Any

import pytest

from domain.errors import Refused
from domain.paging.remote import RemoteEventKind, RemotePerson, RemoteStatus
from integrations.pagerduty import MissingSignature, WebhookSignatures, WrongSignature, parse_webhook

BODY = b'{"event": {"data": "\xc3\xa4"}}'
SIGNATURES = WebhookSignatures({"main": "secret-one", "new": "secret-two"})


def sign(secret: str, body: bytes = BODY) -> str:
    return f"v1={new(secret.encode(), body, sha256).hexdigest()}"


@pytest.mark.parametrize(
    "header",
    [
        sign("secret-one"),
        sign("secret-two"),
        f"{sign('old')},{sign('secret-two')}",
        f" {sign('secret-one')} , {sign('old')}",
        f"v2=abc,{sign('secret-one')}",
    ],
)
def test_one_good_signature_of_several_suffices(header: str) -> None:
    SIGNATURES.check(header, BODY)


@pytest.mark.parametrize("header", ["", "v1=", "v1=xyz", sign("secret-one").upper(), "v2=" + "a" * 64, "a" * 64, ","])
def test_no_signature_is_told_from_a_wrong_one(header: str) -> None:
    with pytest.raises(MissingSignature):
        SIGNATURES.check_header(header)


@pytest.mark.parametrize(
    ("header", "body"),
    [(sign("other"), BODY), (sign("secret-one"), BODY + b" "), (sign("secret-one")[:-1] + "0", BODY + b"x"), (sign(""), BODY)],
)
def test_a_wrong_signature(header: str, body: bytes) -> None:
    with pytest.raises(WrongSignature):
        SIGNATURES.check(header, body)


def test_without_secrets_nobody_is_pagerduty() -> None:
    with pytest.raises(WrongSignature):
        WebhookSignatures({}).check(sign(""), BODY)


def webhook(event_type: str, **changes: Any) -> bytes:
    event = {
        "id": "01BWPA4YLBQ2QPPQAAAAAAAAAA",
        "event_type": event_type,
        "resource_type": "incident",
        "occurred_at": "2026-11-27T03:06:07.169Z",
        "agent": {"id": "PLEE0000", "type": "user_reference", "summary": "Lee", "self": None, "html_url": None},
        "client": {"name": "PagerDuty"},
        "data": {
            "id": "PGR0VU2",
            "type": "incident",
            "html_url": "https://acme.pagerduty.com/incidents/PGR0VU2",
            "number": 2,
            "status": "acknowledged",
            "incident_key": "inc-k7m2/1",
            "created_at": "2026-11-27T03:05:00Z",
            "title": "P1 many errors",
            "assignees": [{"id": "PLEE0000", "type": "user_reference", "summary": "Lee"}],
            "escalation_policy": {"id": "PUS0KTE", "type": "escalation_policy_reference", "summary": "Default"},
            "priority": None,
            "conference_bridge": None,
        },
    }
    return json.dumps({"event": event | changes}).encode()


def test_an_acknowledgement_names_the_page_and_the_person() -> None:
    event = parse_webhook(webhook("incident.acknowledged"))
    assert (event.id, event.kind) == ("01BWPA4YLBQ2QPPQAAAAAAAAAA", RemoteEventKind.ACKNOWLEDGED)
    assert event.by == RemotePerson("PLEE0000", "Lee")
    assert event.incident is not None
    assert (event.incident.dedup_key, event.incident.status) == ("inc-k7m2/1", RemoteStatus.ACKNOWLEDGED)
    assert event.incident.assigned_to == (RemotePerson("PLEE0000", "Lee"),)
    assert event.at.isoformat() == "2026-11-27T03:06:07.169000+00:00"


@pytest.mark.parametrize(
    "agent", [None, {"id": "I1", "type": "inbound_integration_reference", "summary": "Events"}, {"type": "api_key_reference"}]
)
def test_what_an_integration_or_a_token_did_is_nobodys(agent: Any) -> None:
    """So comes back what the bot did itself."""
    assert parse_webhook(webhook("incident.acknowledged", agent=agent)).by is None


@pytest.mark.parametrize(
    ("event_type", "kind"),
    [
        ("incident.triggered", RemoteEventKind.TRIGGERED),
        ("incident.unacknowledged", RemoteEventKind.UNACKNOWLEDGED),
        ("incident.resolved", RemoteEventKind.RESOLVED),
        ("incident.reopened", RemoteEventKind.REOPENED),
        ("incident.escalated", RemoteEventKind.ESCALATED),
        ("incident.delegated", RemoteEventKind.REASSIGNED),
        ("incident.reassigned", RemoteEventKind.REASSIGNED),
        ("incident.priority_updated", RemoteEventKind.OTHER),
        ("incident.invented_next_year", RemoteEventKind.OTHER),
    ],
)
def test_each_type_has_its_kind_and_unknown_ones_are_no_error(event_type: str, kind: RemoteEventKind) -> None:
    assert parse_webhook(webhook(event_type)).kind is kind


@pytest.mark.parametrize(
    ("event_type", "data"),
    [
        ("pagey.ping", {"message": "Hello from your friend Pagey!", "type": "ping"}),
        ("incident.annotated", {"incident": {"id": "P1"}, "id": "P2", "content": "a note", "type": "incident_note"}),
        ("service.updated", None),
    ],
)
def test_events_without_an_incident(event_type: str, data: Any) -> None:
    event = parse_webhook(webhook(event_type, data=data, agent=None))
    assert event.incident is None
    assert event.kind in (RemoteEventKind.PING, RemoteEventKind.OTHER)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", b"\xff", webhook("incident.resolved", id=""), webhook("incident.resolved", data={"id": "P1"})],
)
def test_what_is_no_webhook_is_refused_in_words(body: bytes) -> None:
    with pytest.raises(Refused, match="This is no webhook of PagerDuty"):
        parse_webhook(body)

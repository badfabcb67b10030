"""What Grafana's own alerting, vmalert and Mimir post is taken, with what each adds."""

import json
from typing import Any

import pytest

from domain.alerts.alerts import GrafanaDetails
from integrations.alertmanager.webhook import InvalidWebhookPayload, notification_key, parse_notification
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert, notification, webhook_payload

DETAILS: dict[str, Any] = {
    "values": {"B": 44.23943737541908, "C": 1},
    "valueString": "[ var='B' labels={} value=44.2 ], [ var='C' labels={} value=1 ]",
    "dashboardURL": "https://grafana.example/d/abc?orgId=1",
    "panelURL": "https://grafana.example/d/abc?orgId=1&viewPanel=2",
    "silenceURL": "https://grafana.example/alerting/silence/new?alertmanager=grafana",
    "imageURL": "",
}
AROUND: dict[str, Any] = {"orgId": 1, "title": "[FIRING:1] High", "state": "alerting", "message": "m"}


def posted(version: str = "1", around: dict[str, Any] = AROUND, **changed: Any) -> bytes:
    told = webhook_payload(notification(alert("a"))) | around | {"version": version}
    told["alerts"][0] |= changed
    return json.dumps(told).encode()


def test_grafana_tells_of_values_and_pages() -> None:
    (parsed,) = parse_notification(posted(**DETAILS)).alerts
    assert parsed.grafana == GrafanaDetails(
        values={"B": 44.23943737541908, "C": 1},
        dashboard_url="https://grafana.example/d/abc?orgId=1",
        panel_url="https://grafana.example/d/abc?orgId=1&viewPanel=2",
        silence_url="https://grafana.example/alerting/silence/new?alertmanager=grafana",
    )
    assert (parsed.firing, parsed.labels["pod"]) == (True, "a")


@pytest.mark.parametrize(
    ("values", "taken"),
    [
        (None, {}),
        ({}, {}),
        ([1], {}),
        ("B=1", {}),
        ({"B": None, "C": "NaN", "D": True, "E": [1], "F": 0}, {"F": 0}),
        ({"B": 10**4000, "C": -1e308}, {"C": -1e308}),
        ({f"V{number:02}": number for number in range(40)}, {f"V{number:02}": number for number in range(10)}),
    ],
)
def test_of_the_values_only_numbers_are_taken(values: Any, taken: dict[str, float]) -> None:
    (parsed,) = parse_notification(posted(values=values)).alerts
    assert parsed.grafana == GrafanaDetails(values=taken)


@pytest.mark.parametrize("version", ["1", "4"])
def test_null_is_nothing(version: str) -> None:
    nothing = dict.fromkeys(["annotations", "endsAt", "generatorURL", "values", "dashboardURL", "panelURL", "silenceURL"])
    around = dict.fromkeys(["receiver", "groupLabels", "commonLabels", "commonAnnotations", "externalURL", "truncatedAlerts"])
    body = posted(version, around, **nothing)
    parsed = parse_notification(body)
    assert (parsed.receiver, parsed.group_labels, parsed.truncated_alerts, parsed.external_url) == ("", {}, 0, "")
    assert [each.annotations for each in parsed.alerts] == [{}]
    assert notification_key(body, NOW, 60) == notification_key(body, NOW, 60)


def test_alertmanager_s_own_and_those_that_post_like_it_have_none_of_it() -> None:
    like_mimir = posted("4", {"notification_reason": "firing", "routeLabels": {}}, **DETAILS)
    like_vmalert = posted("4", {}, generatorURL="http://vmalert:8880/vmalert/alert?group_id=1&alert_id=2")
    for body in (like_mimir, like_vmalert):
        (parsed,) = parse_notification(body).alerts
        assert parsed.grafana is None


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"version": "2"}, "Version '2' of the payload is not known here"),
        ({"ruleName": "High", "evalMatches": [], "state": "alerting"}, "version: field required"),
        ({"version": "1", "alerts": None}, "alerts: input should be a valid array"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body: dict[str, Any], why: str) -> None:
    told = json.loads(posted()) | body if "version" in body else body
    with pytest.raises(InvalidWebhookPayload, match=why):
        parse_notification(json.dumps(told))

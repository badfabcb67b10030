"""Whatever is posted is taken, or refused in one line: five thousand payloads with something odd in them."""

import json
from collections import Counter
from copy import deepcopy
from random import Random
from typing import Any

from integrations.alertmanager.webhook import InvalidWebhookPayload, notification_key, parse_notification
from tests.harness.alertmanager_webhook import RECORDINGS
from tests.harness.fakes.clock import NOW

PAYLOADS = 5_000
MAX_REFUSAL_CHARACTERS = 500
GRAFANA: dict[str, Any] = {
    "orgId": 1,
    "state": "alerting",
    "values": {"B": 44.2, "C": 1},
    "dashboardURL": "https://g.example/d/a",
    "panelURL": "",
    "silenceURL": None,
}
DEEP: Any = json.loads("[" * 120 + "]" * 120)
ODD: list[Any] = [
    *(None, True, False, 0, -1, 10**30, 10**400, 1e308, -0.0, float("nan"), float("inf"), "", "0", "firing", "1", "4", "5"),
    *("\x00", "\r\n\t", "\u202e\u2028\u0085", "\U0001f4a9" * 50, "e\u0301", "<!channel>", "%s{{.}}", "x" * 70_000),
    *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-14:00", "2026-02-30T00:00:00Z", "2026-11-23T03:07:54"),
    *([], {}, [[]], [None], [{}], {"": ""}, {"a\nb": 1}, {"n" * 5_000: 1}, {"a": {"b": "c"}}, DEEP),
    {f"label{number}": "v" * 50 for number in range(300)},
]


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [each for key, part in inner for each in paths(part, (*path, key))]


def mutate(random: Random, payload: Any) -> None:
    """Put something odd in a place, take it away, repeat it, or give it another name."""
    found = paths(payload)
    if not found:
        return
    *way, last = random.choice(found)
    part = payload
    for key in way:
        part = part[key]
    match random.choice(["odd", "odd", "odd", "gone", "again", "renamed"]):
        case "gone":
            del part[last]
        case "again" if isinstance(part, list):
            part += [deepcopy(part[last]) for _ in range(random.randint(1, 200))]
        case "renamed" if isinstance(part, dict):
            part[random.choice(["", "a\nb", "\x00", "\u202e", "n" * 5_000, last.upper()])] = part.pop(last)
        case _:
            part[last] = deepcopy(random.choice(ODD))


def on_the_wire(random: Random, payload: Any) -> bytes:
    body = json.dumps(payload, ensure_ascii=random.random() < 0.5).encode(errors="surrogatepass")
    at = random.randint(0, len(body))
    match random.choice(["whole"] * 7 + ["cut", "dirty", "surrogate"]):
        case "cut":
            return body[:at]
        case "dirty":
            return body[:at] + random.randbytes(3) + body[at:]
        case "surrogate":
            return body.replace(b'"hook"', b'"\\ud800"').replace(b"alertname", b"alert\\udfff", 1)
        case _:
            return body


def payloads() -> list[bytes]:
    random = Random(20261123)  # noqa: S311 -- the same ones in every run
    recorded = [json.loads(file.read_text()) for file in RECORDINGS]
    bodies = []
    for _ in range(PAYLOADS):
        payload = deepcopy(random.choice(recorded))
        if random.random() < 0.4:
            payload |= {"version": "1", "orgId": 1, "message": "m"}
            for alert in payload["alerts"]:
                alert.update(deepcopy(GRAFANA))
        for _ in range(random.randint(1, 3)):
            mutate(random, payload)
        bodies.append(on_the_wire(random, payload))
    return bodies


def outcome(body: bytes) -> str:
    """``taken``, or the refusal. Any other error is a failure of the test."""
    try:
        key, notification = notification_key(body, NOW, 60), parse_notification(body)
    except InvalidWebhookPayload as refusal:
        return str(refusal)
    assert key == notification_key(body, NOW, 60)
    assert all(each.fingerprint and each.starts_at.tzinfo for each in notification.alerts)
    assert "\x00" not in repr(notification)
    return "taken"


def test_five_thousand_odd_payloads_are_taken_or_refused_in_a_line() -> None:
    counts = Counter(outcome(body) for body in payloads())
    for refusal in counts.keys() - {"taken"}:
        assert refusal.isprintable()
        assert refusal.endswith(".")
        assert len(refusal) <= MAX_REFUSAL_CHARACTERS
    assert counts.total() == PAYLOADS
    assert counts["taken"] > PAYLOADS / 5, "not only nonsense"
    assert len(counts) > 50, "of many kinds"

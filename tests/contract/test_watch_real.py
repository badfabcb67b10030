"""What the end of a watch shows, by a real Prometheus that evaluates rules and a real Alertmanager."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from domain.alerts.alerts import Alert
from domain.catalogue.catalogue import Catalogue
from domain.incidents.incident import Incident, Mark
from domain.incidents.linking import linked_alert
from domain.incidents.proof import Proof
from domain.matchers import parse_matcher
from domain.rich_text import plain_text
from integrations.alertmanager import Alertmanager, open_alertmanager
from integrations.prometheus import Prometheus, open_prometheus
from runbooks.incidents.watch import WatchProof
from runbooks.incidents.watch_sources import WatchSources
from storage.store import Store
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.monitoring_servers import running_alertmanager, running_prometheus
from tests.harness.samples.incidents import ANA, incident
from tests.harness.wait import wait_until
from tests.harness.watch import ended_group, watch_catalogue

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]

pytestmark = pytest.mark.alerts

FIRES_FOR = timedelta(seconds=12)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Servers:
    """``ended_at``: the rule Ended fires until then."""

    prometheus: Prometheus
    alertmanager: Alertmanager
    address: str
    ended_at: datetime
    store: Store
    catalogue: Catalogue

    async def prove(self, *alerts: Alert, since: datetime | None = None, lasted: timedelta = FIRES_FOR) -> Proof:
        """The proof of an incident with these alerts, which was resolved as the rule Ended was."""
        since = since or self.ended_at + 3 * SECOND
        groups = [
            ended_group(each, id=f"al-{number}", title=each.labels["alertname"], began_at=since - lasted)
            for number, each in enumerate(alerts)
        ]
        async with self.store.write() as tx:
            await tx.alerts.save(groups)
            await tx.alerts.save_alerts({each.id: each.examples for each in groups})
        record: Incident = incident(alerts=tuple(map(linked_alert, groups)), resolved=Mark(ANA, since))
        sources = WatchSources(
            store=self.store,
            catalogue=lambda: self.catalogue,
            clusters={},
            prometheus=lambda _: self.prometheus,
            alertmanager_at=lambda _: self.alertmanager,
        )
        return await WatchProof(sources).prove(record, datetime.now(UTC))


@pytest.fixture(scope="module")
def began_at() -> datetime:
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def rules(began_at: datetime) -> dict[str, str]:
    end = (began_at + FIRES_FOR).timestamp()
    return {
        "Ended": f"vector(time()) < scalar(vector({end:.0f}))",
        "Goes": "vector(time()) > scalar(vector(0))",
        "Down": "up == 0",
        "Gone": "no_such_metric > 5",
    }


@pytest.fixture(scope="module")
def addresses(tmp_path_factory: pytest.TempPathFactory, rules: dict[str, str]) -> Iterator[tuple[str, str]]:
    one, two = (tmp_path_factory.mktemp(name) for name in ("prometheus", "alertmanager"))
    with running_prometheus(Path(one), rules=rules) as prometheus, running_alertmanager(Path(two)) as alertmanager:
        yield prometheus, alertmanager


@pytest.fixture
async def servers(addresses: tuple[str, str], began_at: datetime, store: Store) -> AsyncIterator[Servers]:
    ended_at = began_at + FIRES_FOR
    async with AsyncExitStack() as stack:
        prometheus = await stack.enter_async_context(open_prometheus(addresses[0]))
        alertmanager = await stack.enter_async_context(open_alertmanager(addresses[1]))

        async def has_passed() -> bool:
            return datetime.now(UTC) > ended_at + 6 * SECOND

        await wait_until(has_passed, within=40)
        yield Servers(prometheus, alertmanager, addresses[1], ended_at, store, watch_catalogue())


def alert(name: str, rules: dict[str, str], **labels: str) -> Alert:
    """An alert of this rule, which ended as Ended did."""
    expression = rules.get(name, "a > b")
    return Alert(
        fingerprint=f"fp-{name}",
        firing=False,
        labels={"alertname": name, **labels},
        annotations={},
        starts_at=datetime.now(UTC) - timedelta(hours=1),
        ends_at=datetime.now(UTC) - SECOND,
        generator_url=f"http://prometheus.example/graph?g0.expr={quote(expression)}&g0.tab=1",
    )


def lines(proof: Proof) -> list[str]:
    return [plain_text(line) for line in proof.lines]


async def test_rules_that_ended_are_shown_to_be_over(servers: Servers, rules: dict[str, str]) -> None:
    proof = await servers.prove(alert("Down", rules, job="prometheus"), alert("Ended", rules))
    assert proof.complete, lines(proof)
    assert "Down 1 (fires at 0), Ended did not fire, no silence hides them, no clock runs" in lines(proof)[0]


async def test_an_alert_that_lasted_for_days_is_found_in_the_record(servers: Servers, rules: dict[str, str]) -> None:
    proof = await servers.prove(alert("Ended", rules), lasted=timedelta(days=9))
    assert proof.complete, lines(proof)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Goes", "Goes fired after the resolution, last at "),
        ("Gone", "Gone: its expression has had no value since the resolution, and no value is not a good one."),
        ("Unknown", "Unknown: Prometheus has no record of it firing before, so its silence since then shows nothing."),
    ],
)
async def test_what_is_not_over_or_not_known_is_said(servers: Servers, rules: dict[str, str], name: str, said: str) -> None:

    async def is_said() -> bool:
        proof = await servers.prove(alert(name, rules))
        assert not proof.complete
        return lines(proof)[1].startswith(said)

    # On a busy machine Prometheus evaluates its rules seconds late.
    await wait_until(is_said, within=20)


async def test_a_rule_that_fired_in_the_first_part_of_the_time_has_not_been_quiet(
    servers: Servers, rules: dict[str, str]
) -> None:
    proof = await servers.prove(alert("Ended", rules), since=servers.ended_at - 8 * SECOND)
    assert lines(proof)[1].startswith("Ended fired after the resolution, last at ")


async def test_another_service_of_the_rule_does_not_speak_for_this_one(servers: Servers, rules: dict[str, str]) -> None:
    proof = await servers.prove(alert("Down", rules, job="checkout"))
    assert not proof.complete
    assert "the alert's own series is gone: what is measured has another job." in lines(proof)[1]


async def test_a_silence_in_alertmanager_is_named(servers: Servers, rules: dict[str, str]) -> None:
    end = datetime.now(UTC) + timedelta(hours=1)
    silence_id = await servers.alertmanager.create_silence(
        (parse_matcher("alertname=Ended"),), starts_at=datetime.now(UTC), ends_at=end, by="lee", comment="known"
    )
    await wait_until(lambda: _is_active(servers, silence_id))
    proof = await servers.prove(alert("Ended", rules))
    assert f"A silence by lee hides Ended until {end:%Y-%m-%d %H:%M} UTC: known (`{silence_id}`)." in lines(proof)
    await servers.alertmanager.expire(silence_id)
    after = await servers.prove(alert("Ended", rules))
    assert after.complete, lines(after)
    assert any(line.startswith("A silence by lee hid Ended until ") for line in lines(after))


async def _is_active(servers: Servers, silence_id: str) -> bool:
    return (await servers.alertmanager.get_silence(silence_id)).state == "active"


async def test_an_alert_that_alertmanager_has_still_fires(servers: Servers, rules: dict[str, str]) -> None:
    labels = {"alertname": "Ended", "severity": "critical"}
    _post_alert(servers.address, labels)
    (fingerprint,) = await servers.alertmanager.listed_alerts()
    listed = replace(alert("Ended", rules, severity="critical"), fingerprint=fingerprint)
    proof = await servers.prove(replace(listed, ends_at=datetime.now(UTC) - timedelta(minutes=1)))
    assert lines(proof)[1].startswith("Ended fires: Alertmanager lists it, and Prometheus sent it last at ")


def _post_alert(address: str, labels: Mapping[str, str]) -> None:
    body = json.dumps([{"labels": labels, "startsAt": (datetime.now(UTC) - timedelta(minutes=5)).isoformat()}])
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}/api/v2/alerts", body.encode(), headers)  # noqa: S310 -- our own server
    with urllib.request.urlopen(request, timeout=5):  # noqa: S310 -- our own server
        pass

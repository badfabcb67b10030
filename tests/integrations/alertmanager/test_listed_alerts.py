"""What Alertmanager answers when it is asked which alerts it has, and what is no answer."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.alerts.reconciliation import AlertmanagerUptime, ListedAlert
from domain.errors import Forbidden, TemporaryError
from integrations.alertmanager import Alertmanager, open_alertmanager
from runbooks.alerts.alertmanager_list import AlertListReader
from tests.harness.fakes.scripted_web import ScriptedResponse, ScriptedWeb, scripted_web

AT = datetime(2026, 11, 23, 14, 2, 0, 123000, tzinfo=UTC)
LISTED = {
    "annotations": {"summary": "high"},
    "endsAt": "2026-11-23T14:06:00.000Z",
    "fingerprint": "f1",
    "receivers": [{"name": "bot"}],
    "startsAt": "2026-11-23T14:02:00.123Z",
    "status": {"inhibitedBy": [], "silencedBy": ["865599ea-6a97-4236-be5d-0ee9b8480c06"], "state": "suppressed"},
    "updatedAt": "2026-11-23T15:02:00.123+01:00",
    "generatorURL": "http://prometheus",
    "labels": {"alertname": "LinkDown"},
}


@pytest.fixture
async def web() -> AsyncIterator[ScriptedWeb]:
    async with scripted_web() as server:
        yield server


@pytest.fixture
async def alertmanager(web: ScriptedWeb) -> AsyncIterator[Alertmanager]:
    async with open_alertmanager(web.url) as opened:
        yield opened


async def test_silenced_and_inhibited_alerts_are_asked_for_too(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    web.responses = [ScriptedResponse([LISTED])]
    assert await alertmanager.listed_alerts() == {"f1": ListedAlert(AT, AT)}
    assert dict(web.requests[0].query) == dict.fromkeys(("active", "silenced", "inhibited", "unprocessed"), "true")


@pytest.mark.parametrize(
    "body", ["", "null", "{}", '[{"fingerprint": "f1"}]', '[{"fingerprint": "f1", "startsAt": "2026-11-23T14:0', "<html></html>"]
)
async def test_half_an_answer_is_none(web: ScriptedWeb, alertmanager: Alertmanager, body: str) -> None:
    web.responses = [ScriptedResponse(body)]
    with pytest.raises(TemporaryError, match="gave an answer that cannot be read"):
        await alertmanager.listed_alerts()


async def test_since_when_it_has_run_and_whether_it_has_found_its_peers(web: ScriptedWeb, alertmanager: Alertmanager) -> None:
    started = {"uptime": "2026-11-23T14:02:00.123Z", "versionInfo": {"version": "0.25.0"}}
    web.responses = [ScriptedResponse(started | {"cluster": {"status": each}}) for each in ("ready", "settling", "disabled")]
    found = [await alertmanager.uptime() for _ in range(3)]
    assert found == [AlertmanagerUptime(started_at=AT, settled=settled) for settled in (True, False, True)]


class Peer:
    """One of a pair."""

    def __init__(self, listed: dict[str, ListedAlert] | None) -> None:
        self.listed = listed

    async def listed_alerts(self) -> Any:
        if self.listed is None:
            raise Forbidden("The token is not accepted.")
        return self.listed

    async def uptime(self) -> AlertmanagerUptime:
        if self.listed is None:
            raise TemporaryError("No answer.")
        return AlertmanagerUptime(started_at=AT, settled=True)


async def test_the_lists_of_a_pair_are_one_and_the_later_information_counts() -> None:
    early, late = ListedAlert(AT, AT), ListedAlert(AT, AT.replace(minute=3))
    peers = {"one": Peer({"f1": early, "f2": late}), "two": Peer({"f1": late, "f3": early})}
    reader = AlertListReader(peers.get)
    found = await reader.read(["one", "two"])
    assert found.listed == {"f1": late, "f2": late, "f3": early}
    assert found.complete
    assert len(await reader.uptimes(["one", "two"]) or ()) == 2


@pytest.mark.parametrize("other", ["refused", "not open"])
async def test_where_one_of_them_does_not_answer_the_list_is_not_complete(other: str) -> None:
    reader = AlertListReader({"one": Peer({"f1": ListedAlert(AT, AT)}), "refused": Peer(None)}.get)
    found = await reader.read([other, "one"])
    assert (list(found.listed), found.complete) == (["f1"], False)
    assert await reader.uptimes(["one", other]) is None

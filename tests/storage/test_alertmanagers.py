"""What is remembered of Alertmanager's lists, on both databases."""

from datetime import timedelta

from domain.alerts.alerts import Alert, AlertGroup, GroupState, Route
from domain.alerts.reconciliation import KnownAlert
from domain.severities import Severity
from storage.alertmanagers import AlertmanagerRepository, AlertScope
from storage.store import Store
from tests.harness.fakes.clock import NOW
from tests.harness.samples.notifications import alert

MINUTE = timedelta(minutes=1)
ROUTE = Route(rule="default", channel="C1", severity=Severity.P2)


def group(name: str, *, environment: str = "production", source: str = "", resolved: bool = False) -> AlertGroup:
    return AlertGroup(
        id=name,
        title="A",
        labels={},
        route=ROUTE,
        state=GroupState.RESOLVED if resolved else GroupState.FIRING,
        firing=0 if resolved else 1,
        total=1,
        began_at=NOW,
        seen_at=NOW,
        updated_at=NOW,
        resolved_at=NOW if resolved else None,
        environment=environment,
        source=source,
        external_url="http://am:9093",
    )


async def save(store: Store, *pairs: tuple[AlertGroup, Alert]) -> None:
    async with store.write() as tx:
        await tx.alerts.save([each for each, _ in pairs])
        await tx.alerts.save_alerts({each.id: [one] for each, one in pairs})


async def known(store: Store, scope: AlertScope) -> list[KnownAlert]:
    async with store.read() as tx:
        return sorted(await tx.of(AlertmanagerRepository).known_alerts(scope, NOW - MINUTE))


async def test_alerts_are_found_by_sender_and_environment(store: Store) -> None:
    await save(
        store,
        (group("al-1"), alert("a")),
        (group("al-2", environment="staging"), alert("b")),
        (group("al-3", source="b"), alert("c")),
        (group("al-4", resolved=True), alert("d", firing=False)),
    )
    async with store.read() as tx:
        scopes = await tx.of(AlertmanagerRepository).scopes(NOW - MINUTE)
    assert [(each.environment, each.source) for each in scopes] == [("production", ""), ("production", "b"), ("staging", "")]
    assert [(each.group_id, bool(each.firing)) for each in await known(store, scopes[0])] == [("al-1", True), ("al-4", False)]
    async with store.read() as tx:
        assert len(await tx.of(AlertmanagerRepository).known_alerts(scopes[0], NOW)) == 1, "what was resolved before is left out"


async def test_an_absence_lasts_until_there_is_newer_information(store: Store) -> None:
    await save(store, (group("al-1"), alert("a")))
    scope = AlertScope("production", "", "http://am:9093")
    async with store.write() as tx:
        await tx.of(AlertmanagerRepository).mark_absent("al-1", ["fp-a"], NOW)
    assert [each.absent_since for each in await known(store, scope)] == [NOW]
    async with store.read() as tx:
        assert await tx.of(AlertmanagerRepository).absent_since("al-1") == {"fp-a": NOW}
    await save(store, (group("al-1"), alert("a")))
    assert [each.absent_since for each in await known(store, scope)] == [None]


async def test_a_match_is_remembered_until_it_is_old(store: Store) -> None:
    async with store.write() as tx:
        repository = tx.of(AlertmanagerRepository)
        for at in (NOW, NOW + MINUTE):
            await repository.mark_matched("key", at)
        assert (await repository.is_matched("key"), await repository.is_matched("other")) == (True, False)
        await repository.prune(NOW)
        assert await repository.is_matched("key")
        await repository.prune(NOW + MINUTE)
        assert not await repository.is_matched("key")

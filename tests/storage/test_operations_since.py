"""The operations of an environment around an alert."""

from datetime import timedelta

from domain.operations.operation import State
from storage.store import Store
from tests.harness.samples.operations import NOW, record


async def test_those_asked_for_since_then_and_those_that_have_not_ended(store: Store) -> None:
    asked = {
        "op-new": (NOW, State.SUCCEEDED),
        "op-just": (NOW - timedelta(hours=6), State.FAILED),
        "op-old": (NOW - timedelta(hours=7), State.SUCCEEDED),
        "op-long": (NOW - timedelta(hours=30), State.RUNNING),
    }
    async with store.write() as tx:
        for name, (at, state) in asked.items():
            await tx.operations.add(record(id=name, source=name, requested_at=at, state=state))

    async with store.read() as tx:
        found = await tx.operations.requested_since(NOW - timedelta(hours=6), environment=record().environment)
        elsewhere = await tx.operations.requested_since(NOW - timedelta(hours=6), environment="elsewhere")

    assert [each.id for each in found] == ["op-new", "op-just", "op-long"]
    assert elsewhere == ()

"""People who lose their rights, and catalogues that a reload changed."""

from dataclasses import replace

from domain.catalogue.catalogue import Catalogue
from domain.operations.operation import Decision, OperationRecord
from domain.people import Member
from tests.harness.operations import OperationsHarness
from tests.harness.samples.team import ANA, LEE, RAY, catalogue_data, team_catalogue

MAIN = "deep-echo-main"
OLD_IMAGE = ":main-9f00d12"
OUTAGE = "No answer from Slack to users.info: TimeoutError."


def gone(who: Member) -> Member:
    return replace(who, stranger=True, deactivated=True)


def without_roles(*names: str) -> Catalogue:
    """The catalogue in which nobody holds these roles any more."""
    data = catalogue_data()
    for name in names:
        del data["roles"]["*"][name]
    return Catalogue.model_validate(data)


def catalogue_with(**changed: object) -> Catalogue:
    """The catalogue with other fields of production."""
    data = catalogue_data()
    data["environments"]["production"] |= changed
    return Catalogue.model_validate(data)


def without_environment(name: str = "production") -> Catalogue:
    data = catalogue_data()
    del data["environments"][name]
    return Catalogue.model_validate(data)


def without_service(name: str = MAIN) -> Catalogue:
    data = catalogue_data()
    del data["services"][name]
    data["applications"]["deep-echo"]["services"].remove(name)
    return Catalogue.model_validate(data)


def moved_service() -> Catalogue:
    data = catalogue_data()
    data["services"][MAIN]["deployment"] = "deep-echo-next"
    return Catalogue.model_validate(data)


def other_cluster() -> Catalogue:
    data = catalogue_data()
    data["clusters"] = {"other": {"kubeconfig": "elsewhere"}}
    for environment in data["environments"].values():
        environment["cluster"] = "other"
    return Catalogue.model_validate(data)


async def assert_untouched(harness: OperationsHarness) -> None:
    workload = await harness.cluster.workload(team_catalogue().target("production", MAIN))
    assert workload.image.endswith(OLD_IMAGE)
    assert workload.revision == 6
    assert await harness.locks() == ()


async def approved_behind_a_lock(harness: OperationsHarness, by: Member = ANA, approver: Member = LEE) -> OperationRecord:
    """An approved rollback that waits for the service's lock, which another operation holds."""
    async with harness.store.write() as tx:
        await tx.locks.lock_services("op-other", "production", (MAIN,), RAY.person, harness.clock.now())
    record = await harness.start(by)
    await harness.operations.decide(record.id, approver, Decision.APPROVED)
    return await harness.wait_until(record.id, lambda each: "op-other" in each.progress[0].detail)


async def free_lock(harness: OperationsHarness) -> None:
    async with harness.store.write() as tx:
        await tx.locks.release("op-other")
    harness.dependencies.lock_release.notify()

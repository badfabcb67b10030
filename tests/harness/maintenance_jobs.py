"""A replica that keeps windows with a backup and a verification, beside a cluster that makes the Jobs."""

from dataclasses import dataclass
from datetime import timedelta

from domain.maintenance.jobs import JobPurpose, WindowJob
from domain.maintenance.window import MaintenanceWindow, WindowNote
from runbooks.maintenance.service import Change
from tests.harness.fakes.job_cluster import FileJobCluster
from tests.harness.maintenance import MaintenanceReplica
from tests.harness.samples.team import ANA

SECONDS = timedelta(seconds=11)
"""The time from one look at a Job to the next."""


@dataclass
class JobHarness:
    replica: MaintenanceReplica
    cluster: FileJobCluster

    async def begin(self) -> MaintenanceWindow:
        window = await self.replica.plan(scope="")
        await self.replica.tick()
        return window

    async def pass_time(self, span: timedelta = SECONDS) -> None:
        self.replica.clock.advance(span)
        await self.replica.tick()

    async def state(self, window: MaintenanceWindow, purpose: JobPurpose = JobPurpose.BACKUP) -> WindowJob:
        found = await self.replica.find(window)
        return next(each for each in found.jobs if each.purpose is purpose)

    async def change(self, window: MaintenanceWindow, change: Change, key: str = "person") -> None:
        await self.replica.service.change(window.id, "backup", change, source=key, by=ANA.person)

    async def last_fact(self) -> WindowNote:
        return (await self.replica.note_facts())[-1]

    async def last_note(self) -> str:
        return (await self.replica.notes())[-1]

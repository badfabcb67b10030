from pathlib import Path

import pytest

from domain.workloads.jobs import JobResult
from storage.store import Store
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url, store
from tests.harness.fakes.alertmanager import MemoryAlertmanager
from tests.harness.fakes.clock import StoppedClock
from tests.harness.fakes.job_cluster import FileJobCluster
from tests.harness.maintenance import MaintenanceReplica, catalogue_with_jobs
from tests.harness.maintenance_jobs import JobHarness

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url", "store"]


@pytest.fixture
async def harness(store: Store, tmp_path: Path) -> JobHarness:
    """With a cluster in which every Job runs on until a test says otherwise."""
    cluster = FileJobCluster(tmp_path, result=JobResult.RUNNING)
    clock = StoppedClock()
    alertmanager = MemoryAlertmanager(clock)
    return JobHarness(
        MaintenanceReplica(store, clock, alertmanager, catalogue=catalogue_with_jobs(), clusters={"main": cluster}), cluster
    )

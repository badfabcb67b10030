"""The backup before the work and the verification after it: made once, waited for, and said when they fail."""

from datetime import timedelta

import pytest

from domain.catalogue.catalogue import Catalogue
from domain.errors import Forbidden, Refused, TemporaryError
from domain.maintenance import job_transitions
from domain.maintenance.jobs import JobPurpose, JobState, WindowJob
from domain.workloads.jobs import JobResult
from tests.harness.maintenance import catalogue_with_jobs
from tests.harness.maintenance_jobs import SECONDS, JobHarness
from tests.harness.samples.team import ANA, alerting_catalogue

MINUTE = timedelta(minutes=1)


async def test_the_backup_is_made_at_the_begin_and_waited_for(harness: JobHarness) -> None:
    window = await harness.begin()
    name = f"postgres-backup-{window.id}-b1"
    assert harness.cluster.starts == [name]
    assert f"The backup runs as Job `{name}`, 15 min at most: wait for it before you begin." in await harness.replica.notes()
    for _ in range(3):
        await harness.pass_time()
    assert harness.cluster.starts == [name]
    harness.cluster.result = JobResult.SUCCEEDED
    await harness.pass_time(timedelta(minutes=3) - 3 * SECONDS)
    assert await harness.last_note() == "Backup done in 3 min. The work can begin."
    assert (await harness.state(window, JobPurpose.VERIFICATION)).state is JobState.PLANNED
    await harness.pass_time()
    assert len(harness.cluster.starts) == 1


async def test_the_verification_is_made_after_the_end_and_the_report_waits_for_it(harness: JobHarness) -> None:
    harness.cluster.result = JobResult.SUCCEEDED
    window = await harness.begin()
    await harness.pass_time()
    harness.cluster.result = JobResult.RUNNING
    await harness.replica.end(window)
    assert not await harness.replica.is_frozen()
    await harness.pass_time()
    assert harness.cluster.starts[-1] == f"smoke-test-{window.id}-v1"
    assert not any("Report" in note for note in await harness.replica.notes())
    harness.cluster.result = JobResult.FAILED
    await harness.pass_time()
    report = next(note for note in await harness.replica.notes() if note.startswith("Report"))
    assert "Backup done in 11 s. Verification failed: BackoffLimitExceeded." in report


async def test_a_backup_that_fails_holds_the_work_until_a_person_chooses(harness: JobHarness) -> None:
    harness.cluster.result = JobResult.FAILED
    window = await harness.begin()
    await harness.pass_time()
    note = await harness.last_note()
    assert note.startswith("Backup failed: BackoffLimitExceeded. Do not begin yet: ")
    for command in ("backup", "skip-backup", "end"):
        assert f"maintenance {command} {window.id}" in note
    assert await harness.replica.is_frozen()
    harness.cluster.result = JobResult.SUCCEEDED
    await harness.change(window, lambda now, _: job_transitions.again(now, ANA.person))
    await harness.pass_time()
    assert harness.cluster.starts == [f"postgres-backup-{window.id}-b1", f"postgres-backup-{window.id}-b2"]
    await harness.pass_time()
    assert (await harness.state(window)).state is JobState.DONE
    with pytest.raises(Refused, match="has not failed"):
        await harness.change(window, lambda now, _: job_transitions.again(now, ANA.person), "again")


async def test_a_person_goes_on_without_it(harness: JobHarness) -> None:
    window = await harness.begin()
    await harness.change(window, lambda now, at: job_transitions.skip(now, ANA.person, at))
    harness.cluster.result = JobResult.SUCCEEDED
    await harness.pass_time()
    assert (await harness.state(window)).state is JobState.SKIPPED
    with pytest.raises(Refused, match="is skipped"):
        await harness.change(window, lambda now, at: job_transitions.skip(now, ANA.person, at), "again")


async def test_who_goes_on_without_it_while_the_cluster_is_asked_gets_none(harness: JobHarness) -> None:
    window = await harness.replica.plan(scope="")

    async def go_on_without() -> None:
        await harness.change(window, lambda now, at: job_transitions.skip(now, ANA.person, at))

    harness.cluster.before_look = go_on_without
    await harness.replica.tick()
    assert harness.cluster.starts == []
    assert (await harness.state(window)).state is JobState.SKIPPED


async def test_a_window_that_was_ended_before_its_jobs_were_known_is_verified(harness: JobHarness) -> None:
    window = await harness.replica.plan(scope="")
    harness.replica.clock.advance(MINUTE)
    # The process comes back after the begin, and the first that it hears is the end.
    await harness.replica.end(window)
    harness.cluster.result = JobResult.SUCCEEDED
    for _ in range(3):
        await harness.pass_time()
    assert harness.cluster.starts == [f"smoke-test-{window.id}-v1"]
    report = next(note for note in await harness.replica.notes() if note.startswith("Report"))
    assert "Backup not made: the window was over before it could begin. Verification done in 11 s." in report


async def test_a_lost_answer_makes_no_second_job(harness: JobHarness) -> None:
    harness.cluster.error = TemporaryError("The cluster does not answer.")
    window = await harness.begin()
    assert (await harness.state(window)).state is JobState.RUNNING
    harness.cluster.error = None
    for _ in range(3):
        await harness.pass_time(MINUTE)
    assert len(harness.cluster.starts) == 1


async def test_a_job_that_somebody_deleted_is_not_made_again(harness: JobHarness) -> None:
    window = await harness.begin()
    harness.cluster.delete(f"postgres-backup-{window.id}-b1")
    await harness.pass_time()
    assert "is gone, so whether it succeeded is not known" in await harness.last_note()
    assert len(harness.cluster.starts) == 1


async def test_a_missing_right_is_said_at_once(harness: JobHarness) -> None:
    harness.cluster.error = Forbidden("The bot may not create Job backup: its account needs the verb create on jobs.batch.")
    window = await harness.begin()
    assert (await harness.state(window)).state is JobState.FAILED
    assert "needs the verb create on jobs.batch" in await harness.last_note()


async def test_a_job_that_never_ends_is_given_up(harness: JobHarness) -> None:
    window = await harness.begin()
    await harness.pass_time(timedelta(minutes=17, seconds=5))
    assert "still runs, and should have ended after 15 min" in await harness.last_note()
    assert (await harness.state(window)).state is JobState.FAILED


async def test_a_window_that_is_over_after_an_outage_gets_no_late_backup(harness: JobHarness) -> None:
    window = await harness.replica.plan(scope="")
    harness.replica.clock.advance(timedelta(hours=5))
    for _ in range(3):
        await harness.replica.tick()
        harness.replica.clock.advance(MINUTE)
    assert not any("backup" in name for name in harness.cluster.starts)
    assert not (await harness.replica.find(window)).state.is_open


async def test_an_environment_that_names_none_has_none_also_when_the_catalogue_changes(harness: JobHarness) -> None:
    harness.replica.catalogue = alerting_catalogue()
    window = await harness.begin()
    harness.replica.catalogue = catalogue_with_jobs()
    await harness.replica.extend(window, MINUTE)
    await harness.pass_time()
    await harness.replica.end(window)
    await harness.pass_time()
    assert harness.cluster.starts == []
    assert any(note.startswith("Report") for note in await harness.replica.notes())
    with pytest.raises(Refused, match="does not run"):
        await harness.change(window, lambda now, _: job_transitions.again(now, ANA.person))


def test_names_of_jobs_fit_whatever_the_cron_job_is_called() -> None:
    job = WindowJob(purpose=JobPurpose.BACKUP, cron_job="a-very-long-name-" * 4, limit=MINUTE, attempt=12)
    assert job.job_name("mw-k7m2").endswith("-mw-k7m2-b12")
    assert len(job.job_name("mw-k7m2")) <= 63


async def test_one_cron_job_for_both_makes_two_jobs(harness: JobHarness) -> None:
    jobs = {"backup": {"cronjob": "same", "minutes": 15}, "verification": {"cronjob": "same", "minutes": 5}}
    data = catalogue_with_jobs().model_dump(mode="json", exclude_none=True)
    data["environments"]["staging"]["maintenance"] = jobs
    harness.replica.catalogue = Catalogue.model_validate(data)
    harness.cluster.result = JobResult.SUCCEEDED
    window = await harness.begin()
    await harness.pass_time()
    await harness.replica.end(window)
    await harness.pass_time()
    assert harness.cluster.starts == [f"same-{window.id}-b1", f"same-{window.id}-v1"]


async def test_a_backup_that_never_began_is_not_begun_after_the_end(harness: JobHarness) -> None:
    harness.cluster.error = TemporaryError("The cluster does not answer.")
    window = await harness.begin()
    await harness.replica.end(window)
    harness.cluster.error = None
    for _ in range(3):
        await harness.pass_time(MINUTE)
    assert not any("backup" in name for name in harness.cluster.starts)
    assert (await harness.state(window)).state is JobState.SKIPPED
    assert (await harness.state(window, JobPurpose.VERIFICATION)).state is JobState.RUNNING


async def test_a_cluster_that_stays_away_is_given_up_and_the_report_comes(harness: JobHarness) -> None:
    window = await harness.begin()
    await harness.replica.end(window)
    harness.cluster.error = TemporaryError("The cluster does not answer.")
    for _ in range(30):
        await harness.pass_time(MINUTE)
    assert {each.state for each in (await harness.replica.find(window)).jobs} == {JobState.FAILED}
    assert any(note.startswith("Report") for note in await harness.replica.notes())


async def test_an_error_while_a_job_runs_is_not_its_end(harness: JobHarness) -> None:
    window = await harness.begin()
    harness.cluster.error = Forbidden("The bot may not get Job.")
    await harness.pass_time(MINUTE + SECONDS)
    assert (await harness.state(window)).state is JobState.RUNNING
    harness.cluster.error, harness.cluster.result = None, JobResult.SUCCEEDED
    await harness.pass_time(MINUTE + SECONDS)
    assert (await harness.state(window)).state is JobState.DONE

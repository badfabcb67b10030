"""Jobs of the same CronJob that run already, or begin beside; and what is left of the log of one that has failed."""

from datetime import timedelta

from bot.views.maintenance import card
from domain.answers.maintenance import WindowAnswer
from domain.maintenance import job_transitions
from domain.maintenance.jobs import JobState
from domain.workloads.jobs import JobLog, JobResult, RunningJob
from tests.harness.fakes.clock import NOW
from tests.harness.families import render_text
from tests.harness.maintenance_jobs import JobHarness
from tests.harness.samples.team import ANA

MINUTE = timedelta(minutes=1)
SCHEDULED = RunningJob(name="postgres-backup-29364480", since=NOW - MINUTE)


async def test_a_job_of_the_same_cron_job_that_runs_already_is_waited_for(harness: JobHarness) -> None:
    harness.cluster.running = (SCHEDULED,)
    window = await harness.begin()
    for _ in range(3):
        await harness.pass_time()
    assert harness.cluster.starts == []
    (note,) = [each for each in await harness.replica.notes() if "backup" in each]
    assert note.startswith(f"The backup waits: Job `{SCHEDULED.name}` of the same CronJob runs since ")
    assert f"maintenance skip-backup {window.id}" in note
    assert f"The backup waits until Job {SCHEDULED.name} has ended" in render_text(
        WindowAnswer(await harness.replica.find(window))
    )
    harness.cluster.running = ()
    await harness.pass_time()
    assert harness.cluster.starts == [f"postgres-backup-{window.id}-b1"]
    assert "The backup runs as Job" in await harness.last_note()
    harness.cluster.result = JobResult.SUCCEEDED
    await harness.pass_time()
    assert await harness.last_note() == "Backup done in 11 s. The work can begin."


async def test_a_job_that_is_waited_for_too_long_is_a_person_s_matter(harness: JobHarness) -> None:
    harness.cluster.running = (SCHEDULED,)
    window = await harness.begin()
    await harness.pass_time(timedelta(minutes=14))
    assert (await harness.state(window)).state is JobState.RUNNING
    await harness.pass_time(MINUTE)
    failed = f"Backup failed: Job `{SCHEDULED.name}` of the same CronJob still runs, and none was made beside it."
    assert (await harness.last_note()).startswith(f"{failed} Do not begin yet: ")
    harness.cluster.running = ()
    await harness.change(window, lambda now, _: job_transitions.again(now, ANA.person))
    await harness.pass_time()
    assert harness.cluster.starts == [f"postgres-backup-{window.id}-b2"]


async def test_who_goes_on_without_it_while_it_waits_gets_none(harness: JobHarness) -> None:
    harness.cluster.running = (SCHEDULED,)
    window = await harness.begin()
    assert "Go on without" in str(card(await harness.replica.find(window)))
    await harness.change(window, lambda now, at: job_transitions.skip(now, ANA.person, at))
    assert "Go on without" not in str(card(await harness.replica.find(window)))
    harness.cluster.running = ()
    await harness.pass_time()
    assert harness.cluster.starts == []


async def test_a_window_that_ends_while_its_backup_waits_gets_none(harness: JobHarness) -> None:
    harness.cluster.running = (SCHEDULED,)
    window = await harness.begin()
    await harness.replica.end(window)
    await harness.pass_time()
    assert (await harness.state(window)).state is JobState.SKIPPED
    assert harness.cluster.starts == []


async def test_a_job_that_begins_beside_it_is_said_once(harness: JobHarness) -> None:
    window = await harness.begin()
    harness.cluster.running = (SCHEDULED, RunningJob(name=f"postgres-backup-{window.id}-b1", since=NOW))
    for _ in range(3):
        await harness.pass_time()
    (note,) = [each for each in await harness.replica.notes() if "beside it" in each]
    assert note.startswith(f"Job `{SCHEDULED.name}` of the same CronJob has begun beside it, at ")
    harness.cluster.result = JobResult.SUCCEEDED
    await harness.pass_time()
    assert (await harness.state(window)).state is JobState.DONE


async def test_a_pod_that_was_removed_leaves_the_lines_that_were_read_while_it_ran(harness: JobHarness) -> None:
    await harness.begin()
    harness.cluster.log = JobLog(pod="b-2", pod_made_at=NOW, lines=("dumping sessions",))
    await harness.pass_time()
    card = await harness.replica.card()
    for number in range(3):
        harness.cluster.log = JobLog(pod="b-2", pod_made_at=NOW, lines=("dumping sessions", f"{number} rows"))
        await harness.pass_time()
    assert await harness.replica.card() == card, "lines alone edit no card"
    harness.cluster.result = JobResult.FAILED
    harness.cluster.log, harness.cluster.log_problem = None, "Kubernetes has removed its pod, and its log with it."
    await harness.pass_time()
    note = await harness.last_fact()
    assert "removed its pod, and its log with it. These lines were read while it ran. Do not begin yet: " in str(note.text)
    assert note.log == ("dumping sessions", "2 rows")


async def test_the_log_of_an_earlier_pod_is_not_taken_for_that_of_the_last(harness: JobHarness) -> None:
    await harness.begin()
    harness.cluster.log = JobLog(pod="b-2", pod_made_at=NOW, lines=("the last attempt",))
    await harness.pass_time()
    await harness.pass_time()
    harness.cluster.result = JobResult.FAILED
    harness.cluster.log = JobLog(pod="b-1", pod_made_at=NOW - MINUTE, lines=("the attempt before",))
    await harness.pass_time()
    note = await harness.last_fact()
    assert note.log == ("the last attempt",)
    assert "Kubernetes has removed its last pod, `b-2`. These lines were read while it ran." in str(note.text)


async def test_a_failed_job_whose_log_was_never_seen_says_where_to_look(harness: JobHarness) -> None:
    await harness.begin()
    harness.cluster.result = JobResult.FAILED
    harness.cluster.log_problem = "Kubernetes has removed its pod, and its log with it; `kubectl describe` shows what is left."
    await harness.pass_time()
    note = await harness.last_fact()
    assert "BackoffLimitExceeded. Kubernetes has removed its pod, and its log with it; `kubectl describe`" in str(note.text)
    assert note.log == ()


async def test_a_job_that_somebody_deleted_leaves_what_was_read_while_it_ran(harness: JobHarness) -> None:
    window = await harness.begin()
    harness.cluster.log = JobLog(pod="b-1", pod_made_at=NOW, lines=("dumping sessions",))
    await harness.pass_time()
    await harness.pass_time()
    harness.cluster.delete(f"postgres-backup-{window.id}-b1")
    await harness.pass_time()
    note = await harness.last_fact()
    assert "is gone, so whether it succeeded is not known. These lines were read while it ran. Do not begin" in str(note.text)
    assert note.log == ("dumping sessions",)

"""One believable fact of each kind that shows maintenance windows."""

from dataclasses import replace
from datetime import timedelta

from domain.alerts.silences import AlertDetails, Silence, SilenceState
from domain.answers.answers import LocksAnswer
from domain.answers.maintenance import WindowAnswer, WindowsAnswer
from domain.health import HealthLevel, HealthLine
from domain.maintenance import silence_texts
from domain.maintenance.job_transitions import begun, looked_at, made, waiting
from domain.maintenance.jobs import JobPurpose, WindowJob
from domain.maintenance.report import report
from domain.maintenance.schedule import advance
from domain.maintenance.scope import parse_scopes
from domain.maintenance.transitions import cancel, end
from domain.maintenance.window import MaintenanceWindow, WindowSilence, WindowState
from domain.maintenance.window import SilenceState as WindowSilenceState
from domain.operations.locks import LockRecord
from domain.rich_text import Code, sentence
from domain.workloads.jobs import JobLog, JobResult, JobStatus, RunningJob
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW
from tests.harness.samples.team import ANA, SAM

PLANNED = MaintenanceWindow(
    id="mw-k7m2",
    source="C/1",
    environment="production",
    work="RDS minor upgrade",
    owner=ANA.person,
    channel="C0OPS",
    planned_at=NOW,
    starts_at=NOW + timedelta(hours=30),
    ends_at=NOW + timedelta(hours=31, minutes=30),
    state=WindowState.PLANNED,
)
WAITING = replace(PLANNED, id="mw-w4t7", state=WindowState.WAITING, work=f"Move <!channel> of {'a very long name ' * 12}")
RUNNING = advance(PLANNED, PLANNED.starts_at).window
HIDING = replace(RUNNING, scopes=parse_scopes("alertname=HighErrorRate,RedisDown service=deep-echo-main; alertname=DiskSpaceLow"))
SILENCES = tuple(WindowSilence(matchers=each, ends_at=HIDING.frozen_until, id=f"silence-{len(each)}") for each in HIDING.scopes)
_MADE = Silence(
    id="silence-1",
    matchers=HIDING.scopes[0],
    starts_at=HIDING.starts_at,
    ends_at=HIDING.starts_at + timedelta(minutes=10),
    by="deepecho",
    comment=HIDING.marker,
    state=SilenceState.EXPIRED,
)
BY_HAND = {HIDING.scopes[0]: _MADE, HIDING.scopes[1]: replace(_MADE, state=SilenceState.ACTIVE)}
LESS_HIDING = replace(
    HIDING, silences=(replace(SILENCES[0], state=WindowSilenceState.BY_HAND), replace(SILENCES[1], state=WindowSilenceState.SET))
)
FIRING = (AlertDetails(fingerprint="a", labels={}, silenced_by=("silence-2",)),)
REMINDED = advance(RUNNING, RUNNING.ends_at)
FREEZE = LockRecord(
    environment="production",
    service="",
    operation="",
    by=ANA.person,
    reason=RUNNING.work,
    since=RUNNING.starts_at,
    until=RUNNING.frozen_until,
    window=RUNNING.id,
)
BEFORE = HealthLine(system="errors", level=HealthLevel.GREEN, text="0.1 % of requests", measured_at=RUNNING.starts_at)
AFTER = replace(BEFORE, level=HealthLevel.RED, text="4 % of requests", measured_at=RUNNING.ends_at)
REPORTED = replace(HIDING, silences=SILENCES, over_at=RUNNING.ends_at, health_before=(BEFORE,), health_after=(AFTER,))
BACKUP = WindowJob(purpose=JobPurpose.BACKUP, cron_job="postgres-backup", limit=timedelta(minutes=15))
VERIFICATION = WindowJob(purpose=JobPurpose.VERIFICATION, cron_job="smoke-test", limit=timedelta(minutes=5))
WITH_JOBS = replace(RUNNING, planned_jobs=(BACKUP, VERIFICATION))
STARTING = begun(WITH_JOBS, BACKUP, RUNNING.starts_at).window
BACKING_UP = made(STARTING, STARTING.jobs[0], RUNNING.starts_at).window
_SCHEDULED = RunningJob(name="postgres-backup-29364480", since=RUNNING.starts_at - timedelta(minutes=4))
WAITS = waiting(STARTING, STARTING.jobs[0], _SCHEDULED, RUNNING.starts_at)
_LATER = RUNNING.starts_at + timedelta(minutes=3)
BACKED_UP = looked_at(BACKING_UP, BACKING_UP.jobs[0], JobStatus(result=JobResult.SUCCEEDED), _LATER)
_LOG = JobLog(
    pod="postgres-backup-mw-k7m2-b1-x2k9f",
    pod_made_at=RUNNING.starts_at,
    lines=("INFO backup.postgres dumping table sessions", "ERROR backup.s3 the bucket does not answer"),
)
_LOST = JobStatus(
    result=JobResult.FAILED,
    reason="BackoffLimitExceeded: Job has reached the specified backoff limit",
    log=_LOG,
)
_RAN = JobStatus(result=JobResult.RUNNING, log=_LOG)
_BESIDE = looked_at(BACKING_UP, BACKING_UP.jobs[0], _RAN, _LATER, (_SCHEDULED,))
_OVER = JobStatus(
    result=JobResult.FAILED,
    reason="DeadlineExceeded: Job was active longer than specified deadline",
    log_problem=sentence(
        "Kubernetes has removed its pod, and its log with it; ",
        Code("kubectl --namespace deep-echo describe job postgres-backup-mw-k7m2-b1"),
        " shows what is left.",
    ),
)
NOT_BACKED_UP = looked_at(BACKING_UP, BACKING_UP.jobs[0], _LOST, _LATER)
MAINTENANCE_GALLERY: dict[str, Fact] = {
    "maintenance planned": PLANNED,
    "maintenance waits": WAITING,
    "maintenance approved": replace(PLANNED, approved_by=SAM.person),
    "maintenance runs": RUNNING,
    "maintenance hides alerts": HIDING,
    "maintenance hides less": LESS_HIDING,
    "maintenance silences by hand": silence_texts.left_by_hand(HIDING, BY_HAND),
    "maintenance silences": silence_texts.silenced(HIDING, SILENCES, FIRING),
    "maintenance escalated": advance(RUNNING, RUNNING.ends_at + timedelta(minutes=20)).notes[-1],
    "maintenance report": report(REPORTED),
    "maintenance ended": end(RUNNING, ANA.person, RUNNING.ends_at + timedelta(minutes=4)).window,
    "maintenance cancelled": cancel(PLANNED, SAM.person, NOW, "the vendor moved it").window,
    "maintenance overrun": REMINDED.notes[-1],
    "maintenance ended by itself": advance(RUNNING, RUNNING.frozen_until).notes[-1],
    "maintenance backup is started": STARTING,
    "maintenance backup waits": WAITS.window,
    "maintenance backup waits, said": WAITS.notes[-1],
    "maintenance backup beside": _BESIDE.notes[-1],
    "maintenance backup out of time": looked_at(_BESIDE.window, _BESIDE.window.jobs[0], _OVER, _LATER).notes[-1],
    "maintenance backup out of time, unseen": looked_at(BACKING_UP, BACKING_UP.jobs[0], _OVER, _LATER).notes[-1],
    "maintenance backs up": BACKING_UP,
    "maintenance is backed up": BACKED_UP.window,
    "maintenance backup": BACKED_UP.notes[-1],
    "maintenance is not backed up": NOT_BACKED_UP.window,
    "maintenance backup failed": NOT_BACKED_UP.notes[-1],
    "maintenance shown": WindowAnswer(RUNNING),
    "maintenance list": WindowsAnswer((RUNNING, WAITING), (("development", "anytime"), ("production", "Sun 04:00 to 06:00 UTC"))),
    "maintenance of the Home tab": WindowsAnswer((RUNNING,)),
    "maintenance freeze": LocksAnswer((FREEZE,)),
    "maintenance list, empty": WindowsAnswer((), (("staging", "daily 02:00 to 04:00 UTC"),)),
}

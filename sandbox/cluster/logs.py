"""What the pretend programs write: believable, the same when read twice, and with a secret in it for redaction to find."""

import hashlib
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from sandbox.cluster import errors
from sandbox.cluster.model import Json, parse_time
from sandbox.cluster.pods import simulated_failure

SECRET_LINE = "INFO echo.store connected to postgresql://echo@db:5432/echo password=hunter2"
_LINE_INTERVAL = 7
"""Seconds between two lines."""
_MAX_LINES = 400
"""Lines that a container remembers."""

_LINES = {
    "main": (
        'INFO echo.http 10.1.3.{n} "GET /api/status HTTP/1.1" 200 {ms}ms',
        'INFO echo.http 10.1.5.{n} "POST /api/echo HTTP/1.1" 200 {ms}ms session=s-{n}4f1',
        "INFO echo.session session s-{n}4f1 restored from cache in {ms}ms",
        "DEBUG echo.cache hit ratio 0.{n} over 60 s",
        'INFO echo.http 10.1.5.{n} "GET /api/sessions HTTP/1.1" 200 {ms}ms',
        "WARNING echo.http slow request: POST /api/echo took {ms}0ms",
    ),
    "cognitive": (
        "INFO echo.cognitive processed thought t-{n}c2 in {ms}ms depth=3",
        "INFO echo.cognitive queue length {n}, {n} sessions active",
        "DEBUG echo.memory reservoir state saved in {ms}ms",
        "INFO echo.cognitive batch of {n} embeddings done in {ms}0ms",
    ),
    "load-balancer": (
        '10.0.4.{n} "GET /api/status HTTP/1.1" 200 upstream=10.1.3.{n}:8000 {ms}ms',
        '10.0.4.{n} "POST /api/echo HTTP/1.1" 200 upstream=10.1.5.{n}:8000 {ms}ms',
        "INFO balancer health check: 3 of 3 backends up",
    ),
    "backup": (
        "INFO backup.postgres dumped {n}4312 rows of table sessions in {ms}ms",
        "INFO backup.s3 uploaded part {n} of the archive in {ms}0ms",
    ),
    "smoke": ("INFO smoke.http GET /api/status answered 200 in {ms}ms",),
    "cache": (
        "* 1 changes in 60 seconds. Saving...",
        "* DB saved on disk in {ms}ms",
        "INFO cache keys={n}312 hits={n}% evicted=0",
    ),
}
_FAILING_TAG, _FAILING_SHARE = "bad5eed", 0.4
_FAILING_LINES = (
    'ERROR echo.http 10.1.5.{n} "POST /api/echo HTTP/1.1" 500 {ms}0ms session=s-{n}4f1',
    "ERROR echo.cognitive no answer from the model within {ms}00ms for thought t-{n}c2",
)
_TRACEBACK = """\
INFO echo.boot starting, settings from /etc/echo/settings.yaml
INFO echo.store connected to postgresql://echo@db:5432/echo password=hunter2
ERROR echo.boot start-up failed
Traceback (most recent call last):
  File "/app/echo/__main__.py", line 41, in <module>
    asyncio.run(main())
  File "/app/echo/boot.py", line 88, in main
    ttl = int(settings["CACHE_TTL_SECONDS"])
KeyError: 'CACHE_TTL_SECONDS'""".splitlines()


def container_status(pod: Json, container: str) -> Json:
    """The named container's status (the only one's, when none is named); raises 400 as the API server words it."""
    name = pod["metadata"]["name"]
    names = [each["name"] for each in pod["spec"]["containers"]]
    if not container and len(names) > 1:
        message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
        raise errors.bad_request(message)
    container = container or names[0]
    if container not in names:
        raise errors.bad_request(f"container {container} is not valid for pod {name}")
    statuses = pod.get("status", {}).get("containerStatuses", [])
    found = next((each for each in statuses if each["name"] == container), None)
    if found is None:
        raise errors.bad_request(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
    return dict(found)


def log_lines(pod: Json, container: str, now: datetime, *, previous: bool) -> list[tuple[datetime, str]]:
    """What the container wrote up to ``now``, oldest first; raises 400 for one that never ran."""
    status = container_status(pod, container)
    name, pod_name = status["name"], pod["metadata"]["name"]
    state = status.get("lastState", {}) if previous else status["state"]
    started_state = state.get("running") or state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    if previous and "terminated" not in state:
        raise errors.bad_request(f'previous terminated container "{name}" in pod "{pod_name}" not found')
    if not started_state:
        reason = state.get("waiting", {}).get("reason", "ContainerCreating")
        why = "trying and failing to pull image" if "Pull" in reason else reason
        raise errors.bad_request(f'container "{name}" in pod "{pod_name}" is waiting to start: {why}')
    started = parse_time(started_state["startedAt"])
    if simulated_failure(pod) == "crash":
        moments = (started + timedelta(milliseconds=140 + 37 * number) for number in range(len(_TRACEBACK)))
        return [(at, _with_timestamp(text, at)) for at, text in zip(moments, _TRACEBACK, strict=True)]
    finished = (state.get("terminated") or {}).get("finishedAt")
    return list(_running_log(pod, started, parse_time(finished) if finished else now))


def _running_log(pod: Json, started: datetime, now: datetime) -> Iterator[tuple[datetime, str]]:
    kind = next((kind for kind in _LINES if kind in pod["metadata"]["name"]), "main")
    yield started, _with_timestamp("INFO echo.boot starting, settings from /etc/echo/settings.yaml", started)
    is_failing = any(_FAILING_TAG in each["image"] for each in pod["spec"]["containers"])
    last = int((now - started).total_seconds() // _LINE_INTERVAL)
    for number in range(max(0, last - _MAX_LINES), last + 1):
        at = started + timedelta(seconds=number * _LINE_INTERVAL)
        dice = random.Random(hashlib.sha256(f"{pod['metadata']['uid']}/{number}".encode()).digest())
        at += timedelta(milliseconds=dice.randrange(1, 999))
        lines = _FAILING_LINES if is_failing and dice.random() < _FAILING_SHARE else _LINES[kind]
        text = SECRET_LINE if number % 12 == 0 else dice.choice(lines)
        if at <= now:
            yield at, _with_timestamp(text.format(n=dice.randrange(10, 99), ms=dice.randrange(3, 90)), at)


def _with_timestamp(text: str, at: datetime) -> str:
    """Lines that begin with a level carry the time, as the services' loggers write it; others are as they are."""
    level = text.split(" ", 1)[0]
    timed = level in ("DEBUG", "INFO", "WARNING", "ERROR") or text.startswith(("*", "10."))
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z {text}" if timed else text

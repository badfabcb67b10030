"""The workflow engine: a thin layer over DBOS, which records the results of steps and replays workflows after a crash.

The bot's own tables are authoritative: a workflow is started after its operation's row is written, and decisions are rows. DBOS
only wakes and replays. It stores results as JSON, never as pickles.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeVar, get_type_hints

import structlog
from dbos import DBOS, DBOSConfig, SetWorkflowID
from dbos import error as dbos_error
from pydantic import TypeAdapter

from domain import errors
from domain.errors import DeepechoError, TemporaryError
from domain.rich_text import Text, plain_text
from runbooks.engine.interruption import run_unless
from runbooks.engine.lease import Lease
from runbooks.engine.serializer import JsonSerializer
from runbooks.retries import retry_attempts
from storage.database_errors import explain
from storage.engines import IDLE_IN_TRANSACTION_TIMEOUT_SECONDS, UNAVAILABLE_ERRORS, parse_url, workflow_engine
from storage.operations import Fenced
from storage.space import release_space

log = structlog.get_logger()

T = TypeVar("T")
_SENTENCES: TypeAdapter[Text] = TypeAdapter(Text)

PROCEDURES_VERSION = 3
"""Incremented by hand when the steps of any procedure change. Operations of another version end as "a person must decide"."""

WORKFLOW_NAME = "operation"
DELETE_BATCH_WORKFLOWS = 20
"""Maximum workflows in one deletion: each has some thirty rows."""
WAKE = "wake"
MAX_WAIT_SECONDS = 600.0
"""Seconds after which a waiting operation checks by itself, in case its wake-up was lost."""
STEP_RETRY_TIMEOUT = 120.0
"""Seconds for which a step is retried while another system does not answer."""
WAKE_POLL_INTERVAL = 0.1
"""Seconds between DBOS's polls for wake-ups on SQLite. PostgreSQL uses LISTEN/NOTIFY."""


class StepObserver(Protocol):
    """Called at every point of every step; crash tests kill the process there."""

    def __call__(self, operation: str, step: str, point: str, /) -> None: ...


def ignore_step(_operation: str, _step: str, _point: str, /) -> None:
    """The observer in production: does nothing."""


@dataclass(frozen=True, slots=True)
class WorkflowState:
    """The state of an operation's workflow in DBOS."""

    status: str
    executor: str
    version: str

    @property
    def waits_for_executor(self) -> bool:
        """Whether the workflow is queued: an executor will run it."""
        return self.status in ("ENQUEUED", "DELAYED")

    @property
    def may_resume(self) -> bool:
        """Whether the workflow was started and has not ended."""
        return self.status == "PENDING"


class Engine:
    """Runs procedures as durable workflows: after a crash they continue with the first step that was not recorded."""

    def __init__(
        self,
        database_url: str,
        lease: Lease,
        *,
        procedures_version: int = PROCEDURES_VERSION,
        observer: StepObserver = ignore_step,
        step_retry_timeout: float = STEP_RETRY_TIMEOUT,
    ) -> None:
        self._step_retry_timeout = step_retry_timeout
        self.procedures_version = procedures_version
        self._url, self._lease, self._observe = database_url, lease, observer
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="engine")
        self._dbos: DBOS | None = None
        self._database_engine = workflow_engine(database_url)
        self._workflow: Callable[[str], Any] | None = None
        self._tasks: dict[str, asyncio.Task[Any]] = {}
        self._waiting: set[str] = set()

    @property
    def replica(self) -> str:
        """The replica name under which this process owns operations."""
        return self._lease.replica

    async def open(self, procedure: Callable[[str], Awaitable[None]]) -> None:
        """Launch DBOS on the running event loop. ``procedure`` is called with an operation's id, and again after a crash.

        Raises ``DatabaseRefused`` or ``TemporaryError`` where its database cannot be used.
        """
        try:
            self._dbos = DBOS(config=self._config())
            self._workflow = DBOS.workflow(name=WORKFLOW_NAME)(self._workflow_function(procedure))
            DBOS.launch()
        except UNAVAILABLE_ERRORS as error:
            raise explain(error, self._database_engine.url if self._database_engine else parse_url(self._url)) from error
        # The first asynchronous call of DBOS makes its bounded pool the loop's default executor, also for resumed workflows.
        await self.state("none")

    async def close(self) -> None:
        """Cancel the running workflows; the next start, or another replica, resumes them."""
        running = list(self._tasks.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        if self._dbos is not None:
            self._dbos = None
            await asyncio.get_running_loop().run_in_executor(self._threads, _destroy_dbos)
        if self._database_engine is not None:
            self._database_engine.dispose()
        self._threads.shutdown(wait=False)

    def is_running(self, operation: str) -> bool:
        """Whether the operation's workflow runs in this process."""
        return operation in self._tasks

    async def start(self, operation: str) -> None:
        """Start the workflow of an operation; a second start of the same one does nothing."""
        if self._workflow is None:
            raise RuntimeError("the engine is not open")
        with SetWorkflowID(operation):
            await DBOS.start_workflow_async(self._workflow, operation)

    async def wake(self, operation: str) -> None:
        """Wake a waiting operation: something that it waits for has happened.

        An operation whose workflow was not started yet needs no wake-up: it checks when it starts.
        """
        with suppress(dbos_error.DBOSNonExistentWorkflowError):
            await DBOS.send_async(operation, "wake", topic=WAKE)

    async def wait_until_woken(self, operation: str) -> None:
        """Wait for a call of ``wake``, at most ``MAX_WAIT_SECONDS``. Call it within the operation's workflow."""
        self._waiting.add(operation)
        try:
            await DBOS.recv_async(WAKE, timeout_seconds=MAX_WAIT_SECONDS)
        finally:
            self._waiting.discard(operation)

    @property
    def waiting(self) -> frozenset[str]:
        """The operations whose workflows wait in this process."""
        return frozenset(self._waiting)

    async def state(self, operation: str) -> WorkflowState | None:
        """The state of the operation's workflow; None if it was never started."""
        status = await DBOS.get_workflow_status_async(operation)
        return None if status is None else WorkflowState(status.status, status.executor_id or "", status.app_version or "")

    async def workflows_before(self, at: datetime, *, offset: int = 0) -> tuple[str, ...]:
        """Ids of workflows that were started before this time, oldest first: a batch of them from ``offset`` on."""
        found = await DBOS.list_workflows_async(
            name=WORKFLOW_NAME,
            end_time=at.isoformat(),
            limit=DELETE_BATCH_WORKFLOWS,
            offset=offset,
            load_input=False,
            load_output=False,
        )
        return tuple(each.workflow_id for each in found)

    async def delete_workflows(self, operations: Sequence[str]) -> None:
        """Delete the workflows of these operations, with all that is recorded of them."""
        if operations:
            await DBOS.delete_workflows_async(list(operations))

    async def release_space(self) -> int:
        """Give back a little of the space of deleted workflows on SQLite. Returns 0 if there is nothing more."""
        if self._database_engine is None:
            return 0
        return await asyncio.get_running_loop().run_in_executor(self._threads, release_space, self._database_engine)

    async def resume(self, operation: str) -> None:
        """Run a workflow again whose process is gone. Never call it for a running workflow: its current step would run twice."""
        await DBOS.resume_workflow_async(operation)

    async def step(
        self,
        operation: str,
        name: str,
        action: Callable[..., Awaitable[T]],
        *args: object,
        interrupt: Callable[[], Awaitable[None]] | None = None,
    ) -> T:
        """Run ``action`` and record its result. A replay returns the recorded result; without one the action runs again.

        TemporaryError is retried for ``STEP_RETRY_TIMEOUT``. Domain errors are recorded and raised again by a replay.
        ``interrupt`` runs beside the action and its retries: the error that it raises ends both.
        """
        result_type: TypeAdapter[T] = TypeAdapter(get_type_hints(action)["return"])

        async def attempts() -> T:
            return await self._with_retries(action, *args)

        async def recorded() -> dict[str, str]:
            self._observe(operation, name, "before")
            try:
                answer = {"result": result_type.dump_json(await run_unless(interrupt, attempts())).decode()}
            except Fenced as fenced:
                # Another replica has claimed the operation and records this step itself.
                self._lease.terminate(str(fenced))
            except DeepechoError as error:
                answer = {"error": type(error).__name__, "sentence": _SENTENCES.dump_json(error.sentence).decode()}
            self._observe(operation, name, "done")
            return answer

        answer = await DBOS.run_step_async({"name": name}, recorded)
        self._observe(operation, name, "recorded")
        reason = _SENTENCES.validate_json(answer["sentence"]) if "error" in answer else ""
        log.debug("operation step done", operation=operation, step=name, error=plain_text(reason))
        if "error" in answer:
            raise getattr(errors, answer["error"], DeepechoError)(reason)
        return result_type.validate_json(answer["result"])

    async def _with_retries(self, action: Callable[..., Awaitable[T]], *args: object) -> T:
        while True:
            started = time.monotonic()
            try:
                async for attempt in retry_attempts(initial=0.2, maximum=5, timeout=self._step_retry_timeout):
                    with attempt:
                        started = time.monotonic()
                        # Before every attempt: the lease may have been lost while the step waited for its retry.
                        self._lease.check()
                        return await action(*args)
            except TemporaryError:
                # The timeout is for failures in a row: an attempt that itself ran longer, such as a watch, starts a new period.
                if time.monotonic() - started < self._step_retry_timeout:
                    raise

    def _workflow_function(self, procedure: Callable[[str], Awaitable[None]]) -> Callable[[str], Any]:
        async def operation(operation_id: str) -> None:
            task = asyncio.current_task()
            if task is None or operation_id in self._tasks:
                raise RuntimeError(f"{operation_id} already runs here")
            self._tasks[operation_id] = task
            try:
                # For every event that is logged on the way: a retry of a call knows nothing of operations.
                with structlog.contextvars.bound_contextvars(operation=operation_id):
                    await procedure(operation_id)
            except Fenced as fenced:
                self._lease.terminate(str(fenced))
            finally:
                del self._tasks[operation_id]

        return operation

    def _config(self) -> DBOSConfig:
        config: DBOSConfig = {
            "name": "deepecho",
            "application_version": f"procedures-{self.procedures_version}",
            "executor_id": self.replica,
            "max_executor_threads": 8,
            "notification_listener_polling_interval_sec": WAKE_POLL_INTERVAL,
            "log_level": "WARNING",
            "serializer": JsonSerializer(),
        }
        if self._database_engine is not None:
            return config | {"system_database_engine": self._database_engine, "use_listen_notify": False}
        url = parse_url(self._url).set(drivername="postgresql+psycopg")
        return config | {
            "system_database_url": url.render_as_string(hide_password=False),
            "sys_db_pool_size": 4,
            "sys_db_idle_transaction_timeout_sec": IDLE_IN_TRANSACTION_TIMEOUT_SECONDS,
        }


def _destroy_dbos() -> None:
    DBOS.destroy(destroy_registry=True)

"""One server for the metrics of every service: ``/<environment>/<job>/metrics``."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from domain.clock import Clock, SystemClock
from domain.errors import TemporaryError
from domain.targets import Target
from integrations.kubernetes import ClusterSettings, open_cluster
from sandbox.demo.metrics import Exporter, RedisExporter, exposition
from sandbox.demo.ready_pods import PodsByImage, poll_ready_pods
from sandbox.demo.services import CACHE, MAIN, REDIS, demo_targets, requests_per_second
from sandbox.demo.traffic import Traffic

HOST = "127.0.0.1"
_FIRST_POLL_TIMEOUT = 30


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """``address`` is ``host:port``, as Prometheus wants it."""

    address: str

    @property
    def url(self) -> str:
        return f"http://{self.address}"


@asynccontextmanager
async def running_demo(kubeconfig: Path, *, port: int = 0, clock: Clock | None = None) -> AsyncIterator[RunningDemo]:
    """The demo services of the cluster that the kubeconfig's current context names; all environments are namespaces of it.

    Port 0 takes a free one. Raises ``TemporaryError`` when the cluster cannot be looked at in the beginning.
    """
    time = clock or SystemClock()
    state = _DemoState(demo_targets(), time)
    settings = ClusterSettings(name="sandbox", kubeconfig=str(kubeconfig))
    # Nothing that a pod says is read here, so there is nothing to mask.
    async with open_cluster(settings, time, redact=str) as cluster, asyncio.TaskGroup() as tasks:
        task = tasks.create_task(poll_ready_pods(cluster, state.targets, state.update), name="demo services")
        try:
            await _wait_polled(state)
            async with _serve(state, port) as address:
                yield RunningDemo(address)
        finally:
            task.cancel()


async def _wait_polled(state: "_DemoState") -> None:
    try:
        async with asyncio.timeout(_FIRST_POLL_TIMEOUT):
            await state.polled.wait()
    except TimeoutError:
        raise TemporaryError("The demo services could not see the cluster: it does not answer.") from None


class _DemoState:
    """All services: what is ready, and what each has counted."""

    def __init__(self, targets: Iterable[Target], clock: Clock) -> None:
        self.targets = tuple(targets)
        self.polled = asyncio.Event()
        self._clock = clock
        self._now = clock.now()
        self._pods: Mapping[Target, PodsByImage] = {}
        self._traffic = {target: Traffic(requests_per_second(target)) for target in self.targets}
        self._targets_by_name = {(target.environment, target.service): target for target in self.targets}

    def update(self, pods: Mapping[Target, PodsByImage]) -> None:
        """What answered until now is counted before it is replaced."""
        self._advance()
        self._pods = pods
        self.polled.set()

    def metrics(self, environment: str, job: str) -> bytes | None:
        """Its metrics now; None where no pod is ready to answer. Raises ``KeyError`` for a service that does not exist."""
        self._advance()
        target = self._targets_by_name[environment, CACHE if job == REDIS else job]
        if job == REDIS:
            return exposition(RedisExporter(up=bool(self._ready(target))))
        if not self._ready(target):
            return None
        backends = sum(self._ready(self._targets_by_name[environment, MAIN]).values())
        exporter = Exporter(service=job, pods=self._ready(target), traffic=self._traffic[target], backends=backends)
        return exposition(exporter)

    def _ready(self, target: Target) -> PodsByImage:
        return self._pods.get(target, {})

    def _advance(self) -> None:
        now = self._clock.now()
        seconds = max(0.0, (now - self._now).total_seconds())
        self._now = now
        for target, traffic in self._traffic.items():
            traffic.advance(seconds, self._ready(target))


@asynccontextmanager
async def _serve(state: _DemoState, port: int) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        try:
            text = state.metrics(request.match_info["environment"], request.match_info["job"])
        except KeyError:
            raise web.HTTPNotFound(text="There is no such service.\n") from None
        if text is None:
            raise web.HTTPServiceUnavailable(text="No pod is ready to answer.\n")
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/{environment}/{job}/metrics", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        await site.start()
        yield f"{HOST}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()

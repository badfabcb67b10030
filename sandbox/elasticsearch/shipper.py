"""Ships the lines of pods into the stand-in, as Filebeat does from the nodes: fields as its template names them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from domain.clock import SystemClock
from domain.errors import DeepechoError
from domain.logs.lines import LogLine
from domain.targets import Target
from integrations.kubernetes import Cluster, ClusterSettings, open_cluster
from sandbox.demo import demo_targets
from sandbox.elasticsearch.model import Document, LogIndex, State

SHIPPED = "production"
"""The environment whose lines are shipped; those of the others stay in their pods."""
INDEX = "filebeat-8.19.3"
KEPT_FOR = timedelta(hours=3)
INTERVAL_SECONDS = 5.0
_MAX_LINES, _MAX_BYTES = 1_000, 2**20


@asynccontextmanager
async def shipped_logs(settings: ClusterSettings, state: State) -> AsyncIterator[None]:
    """Lines keep coming for as long as the block runs. While the cluster does not answer, none do."""
    index = state.indices.setdefault(INDEX, LogIndex())
    # Lines are stored as they are, secrets included: that is what real ones are like.
    async with open_cluster(settings, SystemClock(), redact=str) as cluster:
        task = asyncio.create_task(_ship_forever(cluster, index), name="log shipper")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _ship_forever(cluster: Cluster, index: LogIndex) -> None:
    shipped: dict[str, datetime] = {}
    targets = [target for target in demo_targets() if target.environment == SHIPPED]
    while True:
        for target in targets:
            with suppress(DeepechoError):
                await _ship(cluster, target, index, shipped)
        oldest = (SystemClock().now() - KEPT_FOR).isoformat()
        index.documents[:] = [each for each in index.documents if each["@timestamp"] >= oldest]
        await asyncio.sleep(INTERVAL_SECONDS)


async def _ship(cluster: Cluster, target: Target, index: LogIndex, shipped: dict[str, datetime]) -> None:
    reads, now = cluster.reads, SystemClock().now()
    for pod in await reads.pods(target.namespace, await reads.selector_of(target)):
        last = shipped.get(pod.name, now - KEPT_FOR)
        read = await reads.log(target, pod.name, last=now - last, lines=_MAX_LINES, max_bytes=_MAX_BYTES)
        new = [line for line in read.lines if line.at > last]
        index.documents += (_document(target, line) for line in new)
        if new:
            shipped[pod.name] = new[-1].at


def _document(target: Target, line: LogLine) -> Document:
    return {
        "@timestamp": line.at.astimezone(UTC).isoformat(),
        "message": line.text,
        "kubernetes.namespace": target.namespace,
        "kubernetes.deployment.name": target.deployment,
        "kubernetes.pod.name": line.pod,
    }

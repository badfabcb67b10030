"""One stand-in cluster: a store, its controllers and an API server on loopback, as one async context manager."""

import asyncio
import copy
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml
from aiohttp import web

from sandbox.cluster.access import ADMIN_TOKEN
from sandbox.cluster.control import ClusterControl, ClusterFault
from sandbox.cluster.control_routes import ControlRoutes
from sandbox.cluster.controllers import ControllerManager
from sandbox.cluster.defaults import apply_defaults
from sandbox.cluster.model import HUMAN, Json, Now, Pace, utc_now
from sandbox.cluster.pods import node
from sandbox.cluster.resources import NAMESPACES, RESOURCES, resource_of_kind
from sandbox.cluster.seed import CONTEXTS, platform
from sandbox.cluster.server import StandInApiServer
from sandbox.cluster.store import ObjectStore

HOST = "127.0.0.1"
_NAMESPACES = ("default", "kube-system")


class StandInCluster:
    """Speaks the Kubernetes API on ``url`` between enter and exit.

    ``port`` 0 takes a free one; ``history`` is how many changes watches can go back; ``bookmark_every`` is in seconds.
    """

    def __init__(
        self,
        *,
        pace: Pace = HUMAN,
        port: int = 0,
        now: Now = utc_now,
        history: int = 2_000,
        bookmark_every: float = 30.0,
    ) -> None:
        self._now = now
        self._port = port
        self.store = ObjectStore(now, history=history)
        self.control = ClusterControl()
        self._controllers = ControllerManager(self.store, now, pace)
        self._server = StandInApiServer(
            self.store, self.control, now, bookmark_every=bookmark_every, failure=self._controllers_failure
        )
        self._controllers_task: asyncio.Task[None] | None = None
        self._runner: web.AppRunner | None = None
        self.create(node())
        for name in _NAMESPACES:
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    async def __aenter__(self) -> Self:
        app = self._server.app()
        ControlRoutes(self.store, self.control, self._server, lambda: self._controllers.autoscaler).add_to(app)
        # Cancelling handlers whose client has left is what ends a watch nobody reads.
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, self._port)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._controllers_task = asyncio.create_task(self._controllers.run(), name="stand-in controllers")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        if self._controllers_task is not None:
            self._controllers_task.cancel()
            await asyncio.wait([self._controllers_task])
            if not self._controllers_task.cancelled():
                self._controllers_task.result()

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self._port}"

    def kubeconfig(
        self,
        path: Path,
        *,
        contexts: Mapping[str, str] = CONTEXTS,
        context: str | None = None,
        token: str = ADMIN_TOKEN,
    ) -> Path:
        """Writes a kubeconfig whose contexts (name: namespace) all point here; ``context`` is the current one.

        A token other than the administrator's stands in the server's address too: kubectl sends none over plain HTTP.
        """
        server = self.url if token == ADMIN_TOKEN else f"{self.url}/as/{token}"
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stand-in", "cluster": {"server": server}}],
            "users": [{"name": "sandbox", "user": {"token": token}}],
            "contexts": [
                {"name": name, "context": {"cluster": "stand-in", "user": "sandbox", "namespace": namespace}}
                for name, namespace in contexts.items()
            ],
            "current-context": context or next(iter(contexts)),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(config, sort_keys=False))
        path.chmod(0o600)
        return path

    def seed(self, objects: Iterable[Json] | None = None) -> None:
        """Puts objects in as they are, past and status included; without any, the platform of the sandbox."""
        for obj in platform(self._now()) if objects is None else objects:
            self._store_object(obj)

    def create(self, manifest: Json) -> Json:
        """One new object, filled in with defaults; its namespace is made where it is missing."""
        namespace = manifest["metadata"].get("namespace")
        if namespace and self.store.find(NAMESPACES, ("", namespace)) is None:
            self.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        return self._store_object(manifest)

    def _store_object(self, manifest: Json) -> Json:
        obj = copy.deepcopy(manifest)
        resource = resource_of_kind(obj.pop("apiVersion"), obj.pop("kind"))
        if resource is None:
            known = ", ".join(each.kind for each in RESOURCES)
            raise ValueError(f"The stand-in cluster keeps no {manifest['kind']} of {manifest['apiVersion']}; only {known}.")
        if resource.namespaced:
            obj["metadata"].setdefault("namespace", "default")
        apply_defaults(resource, obj)
        return self.store.create(resource, obj)

    def inject_fault(self, fault: ClusterFault) -> None:
        """Trouble for the next requests that it concerns."""
        self.control.add_fault(fault)

    def compact(self) -> None:
        """Forgets the past: watches from before are answered 410."""
        self.store.compact()

    @property
    def watches(self) -> int:
        """How many watches are open."""
        return len(self._server.watches)

    def drop_watches(self) -> int:
        """Cuts every open watch; says how many there were."""
        return self._server.end_watches(drop=True)

    def scale_by_hpa(self, namespace: str, name: str, replicas: int) -> None:
        """The autoscaler changes its mind; refuses what lies outside its bounds with ``ApiError``."""
        self._controllers.autoscaler.scale((namespace, name), replicas)

    def _controllers_failure(self) -> str | None:
        if self._controllers_task is None or not self._controllers_task.done() or self._controllers_task.cancelled():
            return None
        return f"the controllers stopped: {self._controllers_task.exception()!r}"

"""From settings to a client that may speak to the cluster. The only module that imports the Kubernetes library."""

import asyncio
import functools
import importlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, TemporaryError
from integrations.kubernetes import eks
from integrations.kubernetes.settings import ClusterSettings, Eks
from integrations.kubernetes.tokens import Credentials, Issued

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient, Configuration

_FILE_TOKEN_GOOD_FOR = timedelta(minutes=1)
"""Kubernetes rotates a service account's token in place, long before the old one ends."""
_PLUGIN_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Access:
    """An open client, and what proves who we are."""

    client: "ApiClient"
    credentials: Credentials


async def open_access(settings: ClusterSettings, clock: Clock, threads: Executor) -> Access:
    """Imports the library in a thread: 0.2 s compiled and seconds otherwise, during which Slack still wants its answers."""
    await asyncio.get_running_loop().run_in_executor(threads, importlib.import_module, "kubernetes_asyncio.config")
    from kubernetes_asyncio.client import ApiClient

    configuration, issue = await _ways_in(settings, clock, threads)
    credentials = Credentials(issue, clock)
    await credentials.header()
    client = ApiClient(configuration)
    client.user_agent = "deepecho"
    return Access(client, credentials)


Issue = Callable[[], Awaitable[Issued]]


async def _ways_in(settings: ClusterSettings, clock: Clock, threads: Executor) -> "tuple[Configuration, Issue]":
    if settings.eks is not None:
        return await _eks(settings.eks, clock, threads)
    if settings.in_cluster:
        return _in_cluster(settings, clock)
    configuration, first = await _kubeconfig(settings, PermanentError)
    kept = [first]

    async def issue() -> Issued:
        """The file is read again each time: a plugin, a token file or a new login gives a new token."""
        return kept.pop() if kept else (await _kubeconfig(settings, TemporaryError))[1]

    return configuration, issue


async def _kubeconfig(settings: ClusterSettings, failure: type[DeepechoError]) -> "tuple[Configuration, Issued]":
    import yaml
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import ConfigException, load_kube_config

    configuration = Configuration()
    try:
        async with asyncio.timeout(settings.total_timeout):
            loader = await load_kube_config(
                config_file=settings.kubeconfig,
                context=settings.context or None,
                client_configuration=configuration,
                persist_config=False,
            )
    except TimeoutError as error:
        raise TemporaryError(f"The login program of cluster {settings.name} did not finish.") from error
    # The library checks the file with assertions, and takes its word for the types in it.
    except (ConfigException, OSError, ValueError, KeyError, TypeError, AssertionError, yaml.YAMLError) as error:
        raise failure(f"The kubeconfig of cluster {settings.name} cannot be used: {error}") from error
    expiry = getattr(loader, "exec_plugin_expiry", None)
    expiry = expiry.astimezone(UTC) if expiry else None
    return configuration, Issued(
        configuration.api_key.get("BearerToken", ""), renew_at=expiry - _PLUGIN_MARGIN if expiry else None, expires_at=expiry
    )


def _in_cluster(settings: ClusterSettings, clock: Clock) -> "tuple[Configuration, Issue]":
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import ConfigException
    from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    token = settings.service_account / "token"
    try:
        InClusterConfigLoader(str(token), str(settings.service_account / "ca.crt"), try_refresh_token=False).load_and_set(
            configuration
        )
    except (ConfigException, OSError) as error:
        raise PermanentError(f"Cluster {settings.name} cannot be entered from inside: {error}") from error

    async def issue() -> Issued:
        return Issued(f"Bearer {_read(token)}", renew_at=clock.now() + _FILE_TOKEN_GOOD_FOR)

    return configuration, issue


def _read(token: Path) -> str:
    try:
        return token.read_text().strip()
    except OSError as error:
        raise TemporaryError(f"The service account's token cannot be read: {error}") from error


async def _eks(settings: Eks, clock: Clock, threads: Executor) -> "tuple[Configuration, Issue]":
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import load_kube_config_from_dict

    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(threads, eks.endpoint, settings)
    name, cluster = settings.cluster, {"server": found.address, "certificate-authority-data": found.certificate_authority}
    configuration = Configuration()
    await load_kube_config_from_dict(
        {
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {}}],
        },
        client_configuration=configuration,
    )

    async def issue() -> Issued:
        return await loop.run_in_executor(threads, functools.partial(eks.issue, settings, clock))

    return configuration, issue

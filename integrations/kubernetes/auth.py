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
from integrations.kubernetes.tokens import Credentials, ExpiringToken

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient, Configuration

_FILE_TOKEN_TTL = timedelta(minutes=1)
"""Kubernetes rotates a service account's token in place, long before the old one ends."""
_PLUGIN_RENEWAL_MARGIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """An open client, and what proves who we are."""

    api_client: "ApiClient"
    credentials: Credentials


async def open_authenticated_client(settings: ClusterSettings, clock: Clock, executor: Executor) -> AuthenticatedClient:
    """Imports the library in a thread: 0.2 s compiled and seconds otherwise, during which Slack still wants its answers."""
    await asyncio.get_running_loop().run_in_executor(executor, importlib.import_module, "kubernetes_asyncio.config")
    from kubernetes_asyncio.client import ApiClient

    configuration, issue_token = await _configure_auth(settings, clock, executor)
    credentials = Credentials(issue_token, clock)
    await credentials.header()
    api_client = ApiClient(configuration)
    api_client.user_agent = "deepecho"
    return AuthenticatedClient(api_client, credentials)


TokenIssuer = Callable[[], Awaitable[ExpiringToken]]


async def _configure_auth(settings: ClusterSettings, clock: Clock, executor: Executor) -> "tuple[Configuration, TokenIssuer]":
    if settings.eks is not None:
        return await _eks_auth(settings.eks, clock, executor)
    if settings.in_cluster:
        return _in_cluster_auth(settings, clock)
    configuration, first_token = await _load_kubeconfig(settings, PermanentError)
    unused_tokens = [first_token]

    async def issue_token() -> ExpiringToken:
        """The file is read again each time: a plugin, a token file or a new login gives a new token."""
        return unused_tokens.pop() if unused_tokens else (await _load_kubeconfig(settings, TemporaryError))[1]

    return configuration, issue_token


async def _load_kubeconfig(settings: ClusterSettings, error_type: type[DeepechoError]) -> "tuple[Configuration, ExpiringToken]":
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
        raise error_type(f"The kubeconfig of cluster {settings.name} cannot be used: {error}") from error
    expiry = getattr(loader, "exec_plugin_expiry", None)
    expiry = expiry.astimezone(UTC) if expiry else None
    return configuration, ExpiringToken(
        configuration.api_key.get("BearerToken", ""),
        renew_at=expiry - _PLUGIN_RENEWAL_MARGIN if expiry else None,
        expires_at=expiry,
    )


def _in_cluster_auth(settings: ClusterSettings, clock: Clock) -> "tuple[Configuration, TokenIssuer]":
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import ConfigException
    from kubernetes_asyncio.config.incluster_config import InClusterConfigLoader

    configuration = Configuration()
    token_path = settings.service_account / "token"
    try:
        InClusterConfigLoader(str(token_path), str(settings.service_account / "ca.crt"), try_refresh_token=False).load_and_set(
            configuration
        )
    except (ConfigException, OSError) as error:
        raise PermanentError(f"Cluster {settings.name} cannot be entered from inside: {error}") from error

    async def issue_token() -> ExpiringToken:
        return ExpiringToken(f"Bearer {_read_token(token_path)}", renew_at=clock.now() + _FILE_TOKEN_TTL)

    return configuration, issue_token


def _read_token(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise TemporaryError(f"The service account's token cannot be read: {error}") from error


async def _eks_auth(settings: Eks, clock: Clock, executor: Executor) -> "tuple[Configuration, TokenIssuer]":
    from kubernetes_asyncio.client import Configuration
    from kubernetes_asyncio.config import load_kube_config_from_dict

    loop = asyncio.get_running_loop()
    endpoint = await loop.run_in_executor(executor, eks.find_endpoint, settings)
    name, cluster = settings.cluster, {"server": endpoint.url, "certificate-authority-data": endpoint.certificate_authority}
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

    async def issue_token() -> ExpiringToken:
        return await loop.run_in_executor(executor, functools.partial(eks.issue_token, settings, clock))

    return configuration, issue_token

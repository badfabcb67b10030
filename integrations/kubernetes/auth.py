"""Authentication: builds an API client from settings. No other module imports the Kubernetes library."""

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
"""Kubernetes replaces a service account's token file long before the old token expires: a reread each minute is enough."""
_PLUGIN_RENEWAL_MARGIN = timedelta(minutes=1)
"""How long before its expiry a plugin's token is renewed."""


@dataclass(frozen=True, slots=True)
class AuthenticatedClient:
    """An open API client and the credentials for its ``Authorization`` header."""

    api_client: "ApiClient"
    credentials: Credentials


async def open_authenticated_client(settings: ClusterSettings, clock: Clock, executor: Executor) -> AuthenticatedClient:
    """Open a client. The import of the library runs in a thread, since it takes 0.2 s, or seconds when uncompiled."""
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
    # At the start a broken kubeconfig is a permanent error; later it may just be being rewritten, so that a retry can help.
    configuration, first_token = await _load_kubeconfig(settings, PermanentError)
    unused_tokens = [first_token]

    async def issue_token() -> ExpiringToken:
        """Read the kubeconfig again, since a plugin, a token file or a new login may give a new token."""
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
    # The library validates the file with assertions and does not check the types of its values.
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

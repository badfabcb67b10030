"""Authentication: builds an API client from settings. Only this module and ``kubeconfig`` import the Kubernetes library."""

import asyncio
import functools
import importlib
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from domain.clock import Clock
from domain.errors import DeepechoError, PermanentError, TemporaryError
from integrations.kubernetes import eks
from integrations.kubernetes.settings import ClusterSettings, Eks
from integrations.kubernetes.tokens import Credentials, ExpiringToken, end_of_token

if TYPE_CHECKING:
    from kubernetes_asyncio.client import ApiClient, Configuration

_FILE_TOKEN_TTL = timedelta(minutes=1)
"""Kubernetes replaces a service account's token file long before the old token expires: a reread each minute is enough."""


@dataclass(frozen=True, slots=True)
class Session:
    """An API client and the token for its ``Authorization`` header."""

    api_client: "ApiClient"
    token: ExpiringToken


class AuthenticatedClient:
    """API client of a cluster with its credentials. Where a login brings another certificate, it connects anew."""

    def __init__(self, settings: ClusterSettings, credentials: Credentials, configuration: "Configuration | None") -> None:
        self._settings = settings
        self._credentials = credentials
        self._configuration = configuration
        self._digest = ""
        self._current: ApiClient | None = None
        self._former: ApiClient | None = None

    async def session(self) -> Session:
        """A client with a valid token or certificate; logs in anew when due."""
        token = await self._credentials.current()
        try:
            return await self._session(token)
        except TemporaryError:
            # A certificate and its key are being replaced, one after the other: until then the former ones are good.
            if self._current is None:
                raise
            return Session(self._current, token)

    async def replace_refused(self, refused: Session) -> Session:
        """A session with a new login instead of one that the server refused."""
        return await self._session(await self._credentials.replace_refused(refused.token))

    async def credential(self) -> ExpiringToken:
        """The present login."""
        return await self._credentials.current()

    async def close(self) -> None:
        """Close all connections."""
        for api_client in filter(None, (self._current, self._former)):
            await api_client.close()

    async def _session(self, token: ExpiringToken) -> Session:
        configuration, digest = self._configuration, ""
        if token.connection is not None:
            configuration, digest = token.connection.configuration, token.connection.digest
        current, unused = self._current, None
        if current is None or digest != self._digest:
            current = _open_api_client(self._settings, configuration, TemporaryError if current else PermanentError)
            # What is under way goes on with the former certificate; its connections are closed at the change after this one.
            unused, self._former, self._current, self._digest = self._former, self._current, current, digest
        if unused is not None:
            await unused.close()
        return Session(current, token)


def _open_api_client(
    settings: ClusterSettings, configuration: "Configuration | None", error_type: type[DeepechoError]
) -> "ApiClient":
    from kubernetes_asyncio.client import ApiClient

    try:
        api_client = ApiClient(configuration)
    except (OSError, ValueError) as error:  # ssl.SSLError among them
        raise error_type(f"The certificates of cluster {settings.name} cannot be used: {error}") from error
    api_client.user_agent = "deepecho"
    return api_client


async def open_authenticated_client(settings: ClusterSettings, clock: Clock, executor: Executor) -> AuthenticatedClient:
    """Open a client. The import of the library runs in a thread, since it takes 0.2 s, or seconds when uncompiled."""
    await asyncio.get_running_loop().run_in_executor(executor, importlib.import_module, "kubernetes_asyncio.config")
    configuration, issue_token = await _configure_auth(settings, clock, executor)
    client = AuthenticatedClient(settings, Credentials(issue_token, clock), configuration)
    await client.session()
    return client


TokenIssuer = Callable[[], Awaitable[ExpiringToken]]


async def _configure_auth(
    settings: ClusterSettings, clock: Clock, executor: Executor
) -> "tuple[Configuration | None, TokenIssuer]":
    """The connection's settings, None where each login brings them, and how to log in."""
    if settings.eks is not None:
        return await _eks_auth(settings.eks, clock, executor)
    if settings.in_cluster:
        return _in_cluster_auth(settings, clock)
    error_types: list[type[DeepechoError]] = [PermanentError]

    async def issue_token() -> ExpiringToken:
        """Read the kubeconfig again, since a login program, a file or a new login may give a new credential.

        At the start a broken kubeconfig is a permanent error; later it may just be being rewritten, so that a retry can help.
        """
        token = await _load_kubeconfig(settings, clock, error_types[0])
        error_types[0] = TemporaryError
        return token

    return None, issue_token


async def _load_kubeconfig(settings: ClusterSettings, clock: Clock, error_type: type[DeepechoError]) -> ExpiringToken:
    from integrations.kubernetes.kubeconfig import LOGIN_ERRORS, login

    try:
        async with asyncio.timeout(settings.total_timeout):
            return await login(settings.kubeconfig, settings.context, clock.now())
    except TimeoutError as error:
        raise TemporaryError(f"The login program of cluster {settings.name} did not finish.") from error
    except LOGIN_ERRORS as error:
        raise error_type(f"The kubeconfig of cluster {settings.name} cannot be used: {error}") from error


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
        header = f"Bearer {_read_token(token_path)}"
        return ExpiringToken(header, renew_at=clock.now() + _FILE_TOKEN_TTL, expires_at=end_of_token(header))

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

"""Logs in with a kubeconfig: the library reads it, the bot runs login programs and looks when the credential ends.

Import it lazily: it imports the Kubernetes library.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.kube_config import FileOrData, KubeConfigLoader, KubeConfigMerger

from integrations.kubernetes.certificates import end_of_certificate
from integrations.kubernetes.kubeconfig_check import UnusableKubeconfig, check_kubeconfig
from integrations.kubernetes.login_programs import LoginFailed, run_login_program
from integrations.kubernetes.tokens import Connection, ExpiringToken, end_of_token

LOGIN_ERRORS = (
    UnusableKubeconfig,
    LoginFailed,
    ConfigException,
    # The library validates the file with assertions and does not check the types of its values.
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    AssertionError,
)
_REREAD_INTERVAL = timedelta(minutes=1)
"""Files with a token or a certificate are replaced long before the old one expires."""
_RENEWAL_MARGIN = timedelta(minutes=1)
"""How long before its end a credential is renewed."""
_MIN_RENEWAL_INTERVAL = timedelta(seconds=10)
"""A program that gives out what has ended already, because a clock is wrong, is not run for each request."""
_FILES = ("tokenFile", "client-certificate", "client-key")


async def login(paths: str, context: str, now: datetime) -> ExpiringToken:
    """Read the kubeconfig and log in. Raises one of ``LOGIN_ERRORS``, whose text says why it cannot."""
    check_kubeconfig(paths, context)
    loader = _Loader(config_dict=KubeConfigMerger(paths).config, config_base_path=None, active_context=context or None)
    configuration = Configuration()
    await loader.load_and_set(configuration)
    header = configuration.api_key.get("BearerToken", "")
    ends = (loader.program_expiry, end_of_token(header), _end_of_client_certificate(configuration))
    expires_at = min(filter(None, ends), default=None)
    return ExpiringToken(
        header,
        renew_at=loader.renew_at(now, expires_at),
        expires_at=expires_at,
        connection=Connection(configuration, _digest(configuration)),
        is_renewed=loader.is_renewed(),
    )


class _Loader(KubeConfigLoader):
    """The library's loader, but for login programs, whose certificates it runs out of, and for files of tokens."""

    program_expiry: datetime | None = None
    cert_file: str | None
    key_file: str | None

    async def load_from_exec_plugin(self) -> bool:
        """Run the login program and take over its token, its certificate and when they end."""
        credential = await run_login_program(self._entry()["exec"], self._folder())
        self.program_expiry = credential.expires_at
        if credential.token:
            self.token = f"Bearer {credential.token}"
        if credential.certificate:
            self.cert_file, self.key_file = _as_file(credential.certificate), _as_file(credential.key)
        return True

    def _load_user_token(self) -> bool:
        user = self._entry()
        token = str(user.get("token") or "").strip()
        if path := user.get("tokenFile"):
            # As in kubectl, the file counts where both are there.
            token = (self._folder() / str(path)).read_text().strip()
            if not token:
                raise UnusableKubeconfig(f"`tokenFile` {path} is empty.")
        if token:
            self.token = f"Bearer {token}"
        return bool(token)

    def renew_at(self, now: datetime, expires_at: datetime | None) -> datetime | None:
        """When to log in again: before the end; where files or a provider give the credential, each minute."""
        user = self._entry()
        if "exec" in user:
            return max(expires_at - _RENEWAL_MARGIN, now + _MIN_RENEWAL_INTERVAL) if expires_at else None
        if any(user.get(key) for key in ("auth-provider", *_FILES)):
            return now + _REREAD_INTERVAL
        return max(expires_at - _RENEWAL_MARGIN, now + _REREAD_INTERVAL) if expires_at else None

    def is_renewed(self) -> bool:
        """Whether a program, a provider or whoever writes the file of the token gives new credentials."""
        user = self._entry()
        return any(user.get(key) for key in ("exec", "auth-provider", "tokenFile"))

    def _entry(self) -> Mapping[str, Any]:
        return self._user.value if self._user else {}

    def _folder(self) -> Path:
        return Path(str(self._user.path)).parent if self._user else Path()


def _as_file(pem: str) -> str | None:
    return FileOrData({"pem": pem}, None, data_key_name="pem", base64_file_content=False).as_file()


def _end_of_client_certificate(configuration: Configuration) -> datetime | None:
    return end_of_certificate(Path(configuration.cert_file).read_text()) if configuration.cert_file else None


def _digest(configuration: Configuration) -> str:
    """Of all that a connection is made with: a certificate may change in its place."""
    files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
    contents = [Path(path).read_bytes().hex() if path else "" for path in files]
    rest = [configuration.host, configuration.proxy, configuration.tls_server_name, configuration.verify_ssl]
    return hashlib.sha256(json.dumps([*contents, *map(str, rest)]).encode()).hexdigest()

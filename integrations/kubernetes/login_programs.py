"""Login programs of a kubeconfig (``exec``): run one, read the ``ExecCredential`` that it prints, or say what is wrong with it.

https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
"""

import asyncio
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from domain.text import clip

_API_GROUP = "client.authentication.k8s.io/"
_MAX_QUOTED = 300
"""Characters of what a program says about its failure."""


class LoginFailed(Exception):
    """A clause that says why the program gave no credential."""


@dataclass(frozen=True, slots=True)
class ExecCredential:
    """A token, or a certificate with its key in PEM, or both; ``expires_at`` where the program says so."""

    token: str
    certificate: str
    key: str
    expires_at: datetime | None


async def run_login_program(entry: Mapping[str, Any], folder: Path) -> ExecCredential:
    """Run the program of an ``exec`` entry. ``folder`` is its kubeconfig's: a command with a slash is relative to it."""
    command, version = str(entry.get("command") or ""), str(entry.get("apiVersion") or "")
    if not command:
        raise LoginFailed("`exec` has no `command`")
    if not version.startswith(_API_GROUP):
        raise LoginFailed(f"`exec` has the apiVersion {version or 'none'}, which is not one of {_API_GROUP}*")
    if entry.get("interactiveMode") == "Always":
        raise LoginFailed(f"{command} wants to ask a person (interactiveMode: Always), and there is none")
    path = str(folder / command) if os.sep in command else command
    arguments = [str(argument) for argument in entry.get("args") or []]
    return _parse(command, version, await _output(command, [path, *arguments], _environment(entry, version)))


def _environment(entry: Mapping[str, Any], version: str) -> dict[str, str]:
    info = {"apiVersion": version, "kind": "ExecCredential", "spec": {"interactive": False}}
    added = {str(variable["name"]): str(variable["value"]) for variable in entry.get("env") or []}
    return {**os.environ, **added, "KUBERNETES_EXEC_INFO": json.dumps(info)}


async def _output(command: str, arguments: list[str], environment: dict[str, str]) -> bytes:
    pipe, nothing = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    try:
        # Without a terminal's stdin a program that asks fails at once instead of waiting for ever.
        process = await asyncio.create_subprocess_exec(*arguments, env=environment, stdin=nothing, stdout=pipe, stderr=pipe)
    except FileNotFoundError as error:
        raise LoginFailed(f"the login program {command} is not there; install it, or name it with its path") from error
    except OSError as error:
        raise LoginFailed(f"the login program {command} cannot be run: {error.strerror}") from error
    try:
        printed, complaint = await process.communicate()
    except asyncio.CancelledError:
        with suppress(ProcessLookupError):
            process.kill()
        raise
    if process.returncode != 0:
        said = clip(" ".join(complaint.decode(errors="replace").split()), _MAX_QUOTED)
        raise LoginFailed(f"the login program {command} ended with code {process.returncode}{f': {said}' if said else ''}")
    return printed


def _parse(command: str, version: str, printed: bytes) -> ExecCredential:
    try:
        answer = json.loads(printed)
    except ValueError as error:
        raise LoginFailed(f"the login program {command} printed no JSON") from error
    if not isinstance(answer, dict) or answer.get("kind") != "ExecCredential":
        raise LoginFailed(f"the login program {command} printed no ExecCredential")
    if answer.get("apiVersion") != version:
        raise LoginFailed(f"the login program {command} answers in {answer.get('apiVersion')}, the kubeconfig asks for {version}")
    status = answer.get("status")
    status = status if isinstance(status, dict) else {}
    token, certificate, key = (str(status.get(name) or "") for name in ("token", "clientCertificateData", "clientKeyData"))
    if bool(certificate) != bool(key):
        raise LoginFailed(f"the login program {command} gave a certificate without its key, or a key without its certificate")
    if not token and not certificate:
        raise LoginFailed(f"the login program {command} gave neither a token nor a certificate")
    return ExecCredential(token.strip(), certificate, key, _parse_time(command, status.get("expirationTimestamp")))


def _parse_time(command: str, text: object) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise LoginFailed(f"the login program {command} gave an expirationTimestamp that is no time") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)

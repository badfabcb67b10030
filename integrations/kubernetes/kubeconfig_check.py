"""Finds what is wrong with a kubeconfig before it is used, and says it with file and key."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

_PROXIES = {"http", "https"}
_PROVIDERS = {"gcp", "oidc"}
_IMPERSONATION = ("as", "as-uid", "as-groups", "as-user-extra")


class UnusableKubeconfig(Exception):
    """A sentence that names the file and the key."""


def check_kubeconfig(paths: str, context: str) -> None:
    """Raise UnusableKubeconfig unless the files name a context with its cluster and user, all in words that the bot knows.

    ``paths`` is joined as in ``$KUBECONFIG``; of entries with one name the first counts, as in kubectl.
    """
    files = {path: _read(path) for path in map(os.path.expanduser, filter(None, paths.split(os.pathsep)))}
    found = {path: config for path, config in files.items() if config is not None}
    if not found:
        raise UnusableKubeconfig(f"There is no file {', '.join(files) or paths}.")
    name = context or next((str(config["current-context"]) for config in found.values() if config.get("current-context")), "")
    if not name:
        raise UnusableKubeconfig(f"{', '.join(found)}: `current-context` is missing, and the catalogue names no context.")
    path, chosen = _entry(found, "contexts", name, "context")
    cluster_path, cluster = _entry(found, "clusters", _named(path, chosen, "cluster", name), "cluster")
    _check_cluster(cluster_path, cluster)
    if chosen.get("user"):
        _check_user(*_entry(found, "users", str(chosen["user"]), "user"), str(chosen["user"]))


def _read(path: str) -> Mapping[str, Any] | None:
    try:
        config = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnusableKubeconfig(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UnusableKubeconfig(f"{path}{line}: it is no YAML ({error.problem}).") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UnusableKubeconfig(f"{path} is no YAML.") from error
    if config is None:
        raise UnusableKubeconfig(f"{path} is empty.")
    if not isinstance(config, dict):
        raise UnusableKubeconfig(f"{path} holds no kubeconfig: it should have `clusters`, `contexts` and `users`.")
    return config


def _entry(files: Mapping[str, Mapping[str, Any]], section: str, name: str, kind: str) -> tuple[str, Mapping[str, Any]]:
    """The file and the content of the first entry with this name."""
    for path, config in files.items():
        entries = config.get(section) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and entry.get("name") for entry in entries):
            raise UnusableKubeconfig(f"{path}: `{section}` should be a list of entries with a `name`.")
        for entry in entries:
            if str(entry["name"]) == name:
                return path, _content(path, section, name, entry.get(kind) or {})
    raise UnusableKubeconfig(f"{', '.join(files)}: `{section}` has no entry {name}.")


def _content(path: str, section: str, name: str, content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise UnusableKubeconfig(f"{path}: the entry {name} of `{section}` should have keys with values.")
    return content


def _named(path: str, chosen: Mapping[str, Any], key: str, context: str) -> str:
    if not chosen.get(key):
        raise UnusableKubeconfig(f"{path}: the context {context} names no `{key}`.")
    return str(chosen[key])


def _check_cluster(path: str, cluster: Mapping[str, Any]) -> None:
    server = str(cluster.get("server") or "")
    if urlsplit(server).scheme not in {"http", "https"}:
        raise UnusableKubeconfig(f"{path}: `server` of the cluster should be an address with https://, not {server or 'empty'}.")
    proxy = str(cluster.get("proxy-url") or "")
    if proxy and urlsplit(proxy).scheme not in _PROXIES:
        scheme = urlsplit(proxy).scheme or "no scheme"
        raise UnusableKubeconfig(
            f"{path}: `proxy-url` of the cluster has {scheme}; only proxies with http:// and https:// are supported."
        )


def _check_user(path: str, user: Mapping[str, Any], name: str) -> None:
    if impersonated := next((key for key in _IMPERSONATION if user.get(key)), ""):
        raise UnusableKubeconfig(f"{path}: `{impersonated}` of the user {name}: acting as somebody else is not supported.")
    provider = user.get("auth-provider") or {}
    if provider and (not isinstance(provider, dict) or provider.get("name") not in _PROVIDERS):
        raise UnusableKubeconfig(f"{path}: the user {name} has an `auth-provider` that is not supported; use `exec`.")
    for mine, other in (("client-certificate", "client-key"), ("client-key", "client-certificate")):
        if _has(user, mine) and not _has(user, other):
            raise UnusableKubeconfig(f"{path}: the user {name} has `{mine}` without `{other}`.")
    if "exec" in user and not isinstance(user["exec"], dict):
        raise UnusableKubeconfig(f"{path}: `exec` of the user {name} should have keys with values.")


def _has(user: Mapping[str, Any], key: str) -> bool:
    return bool(user.get(key) or user.get(f"{key}-data"))

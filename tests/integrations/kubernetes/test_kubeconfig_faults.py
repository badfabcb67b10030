"""What is wrong with a kubeconfig or its login program is told, with file and key."""

from pathlib import Path
from typing import Any

import pytest

from domain.errors import PermanentError
from integrations.kubernetes import ClusterSettings, open_cluster
from tests.harness.fakes.kubernetes_tokens import FakeApiServer, ManualClock
from tests.harness.kubeconfigs import API, kubeconfig, printing, program


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"exec": {"apiVersion": API, "command": "no-such-login"}}, "the login program no-such-login is not there"),
        ({"exec": {"apiVersion": API}}, "`exec` has no `command`"),
        ({"exec": {"command": "true", "apiVersion": "v7"}}, "`exec` has the apiVersion v7, which is not one of"),
        ({"exec": {"command": "true", "apiVersion": API, "interactiveMode": "Always"}}, "true wants to ask a person"),
        ({"exec": {"command": "true", "apiVersion": API}}, "the login program true printed no JSON"),
        ({"exec": {"command": "false", "apiVersion": API}}, "the login program false ended with code 1"),
        ({"exec": {"command": "echo", "apiVersion": API, "args": ["{}"]}}, "echo printed no ExecCredential"),
        ({"tokenFile": "gone"}, "gone"),
        ({"as": "admin", "token": "t"}, "`as` of the user a: acting as somebody else is not supported"),
        ({"client-certificate": "me.crt"}, "the user a has `client-certificate` without `client-key`"),
        ({"auth-provider": {"name": "azure"}}, "the user a has an `auth-provider` that is not supported"),
    ],
)
async def test_what_is_wrong_with_a_login_is_said(server: FakeApiServer, tmp_path: Path, user: dict[str, Any], said: str) -> None:
    await _refused(kubeconfig(tmp_path, server, user), said)
    assert server.seen == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (printing({"token": "t"}, API + "beta1"), f"answers in {API}beta1, the kubeconfig asks for {API}"),
        (printing({}), "gave neither a token nor a certificate"),
        (printing({"clientCertificateData": "x"}), "gave a certificate without its key"),
        (printing({"token": "t", "expirationTimestamp": "soon"}), "an expirationTimestamp that is no time"),
        ("print('[]')", "printed no ExecCredential"),
        ("import sys; sys.exit(input('password: '))", "ended with code 1"),
    ],
)
async def test_what_is_wrong_with_what_a_program_prints_is_said(
    server: FakeApiServer, tmp_path: Path, source: str, said: str
) -> None:
    await _refused(kubeconfig(tmp_path, server, program(tmp_path, source)), said)


async def test_a_proxy_of_socks_is_refused_in_words(server: FakeApiServer, tmp_path: Path) -> None:
    settings = kubeconfig(tmp_path, server, {"token": "t"}, **{"proxy-url": "socks5://127.0.0.1:1080"})
    await _refused(settings, "`proxy-url` of the cluster has socks5; only proxies with http:// and https:// are supported")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("just words", "holds no kubeconfig"),
        ("a: [1\nb: 2\n", "line 2: it is no YAML"),
        ("users: []\n", "`current-context` is missing"),
        ("current-context: a\n", "`contexts` has no entry a"),
        ("current-context: a\ncontexts: [{name: a}]\n", "the context a names no `cluster`"),
        ("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n", "`clusters` has no entry c"),
        ("current-context: a\ncontexts: {a: b}\n", "`contexts` should be a list of entries with a `name`"),
        (
            "current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\nclusters: [{name: c, cluster: {}}]\n",
            "`server` of the cluster should be an address with https://, not empty",
        ),
        (
            (
                "current-context: a\ncontexts: [{name: a, context: {cluster: c, user: u}}]\n"
                "clusters: [{name: c, cluster: {server: 'https://x'}}]\n"
            ),
            "`users` has no entry u",
        ),
    ],
)
async def test_an_empty_or_half_kubeconfig_is_told_with_file_and_key(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    error = await _refused(ClusterSettings(name="prod", kubeconfig=str(path)), said)
    assert str(path) in error


async def test_a_kubeconfig_that_is_not_there_is_told(tmp_path: Path) -> None:
    path = tmp_path / "nowhere"
    await _refused(ClusterSettings(name="prod", kubeconfig=str(path)), f"There is no file {path}")


async def _refused(settings: ClusterSettings, said: str) -> str:
    async with open_cluster(settings, ManualClock(), redact=str) as cluster:
        with pytest.raises(PermanentError, match="The kubeconfig of cluster prod cannot be used: ") as caught:
            await cluster.version()
    assert said in str(caught.value)
    return str(caught.value)

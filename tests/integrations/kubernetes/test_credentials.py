"""Tokens that expire: renewed in time, once for all, and once more when the server refuses one."""

import asyncio
import base64
import json
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from aiohttp import web

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError, TemporaryError
from integrations.kubernetes import ClusterSettings, Eks, open_cluster
from integrations.kubernetes.tokens import Credentials, ExpiringToken

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class ManualClock:
    time: datetime = NOON

    def now(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class FakeTokenIssuer:
    """Gives numbered tokens for ten minutes, good for fourteen; fails while ``away``."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.issued = 0
        self.away = False

    async def __call__(self) -> ExpiringToken:
        await asyncio.sleep(0)
        if self.away:
            raise TemporaryError("The issuer does not answer.")
        self.issued += 1
        now = self.clock.now()
        return ExpiringToken(f"Bearer {self.issued}", now + timedelta(minutes=10), now + timedelta(minutes=14))


async def test_a_token_is_issued_once_for_all_who_wait_and_renewed_after_ten_minutes() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)

    assert await asyncio.gather(*(credentials.header() for _ in range(5))) == ["Bearer 1"] * 5
    clock.move(minutes=9, seconds=59)
    assert await credentials.header() == "Bearer 1"
    clock.move(seconds=1)
    assert await asyncio.gather(*(credentials.header() for _ in range(5))) == ["Bearer 2"] * 5
    assert issuer.issued == 2


async def test_a_refused_token_is_replaced_once_however_many_were_refused() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)
    refused = await credentials.header()

    replaced = await asyncio.gather(*(credentials.replace_refused(refused) for _ in range(5)))

    assert replaced == ["Bearer 2"] * 5
    assert issuer.issued == 2


async def test_an_issuer_that_is_away_for_a_moment_costs_nothing() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)
    await credentials.header()
    issuer.away = True

    clock.move(minutes=12)
    assert await credentials.header() == "Bearer 1"
    clock.move(minutes=2)
    with pytest.raises(TemporaryError, match="issuer does not answer"):
        await credentials.header()
    issuer.away = False
    assert await credentials.header() == "Bearer 2"


@dataclass
class FakeApiServer:
    """Answers /version over TLS and remembers who asked; refuses what it is told to."""

    port: int
    certificate: Path
    seen: list[str] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    closed: bool = False

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    async def version(self, request: web.Request) -> web.Response:
        header = request.headers.get("Authorization", "")
        self.seen.append(header)
        if self.closed or header in self.refused:
            return web.json_response({"kind": "Status", "message": "Unauthorized"}, status=401)
        return web.json_response({"gitVersion": "v1.34.1"})


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", folder / "key.pem", "-out", folder / "ca.crt"], check=True, capture_output=True)
    return folder / "ca.crt"


@pytest.fixture
async def server(certificate: Path) -> AsyncIterator[FakeApiServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.parent / "key.pem")
    found = FakeApiServer(0, certificate)
    app = web.Application()
    app.router.add_get("/version", found.version)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    found.port = runner.addresses[0][1]
    yield found
    await runner.cleanup()


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """Credentials as the environment gives them, and nothing of the machine's own."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
    }.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def _eks(server: FakeApiServer) -> ClusterSettings:
    authority = base64.b64encode(server.certificate.read_bytes()).decode()
    eks = Eks(cluster="echo-prod", region="eu-central-1", endpoint=server.url, certificate_authority=authority)
    return ClusterSettings(name="prod", eks=eks)


@pytest.mark.usefixtures("aws")
async def test_eks_is_entered_with_a_presigned_request_to_sts(server: FakeApiServer) -> None:
    async with open_cluster(_eks(server), ManualClock(), redact=str) as cluster:
        assert await cluster.version() == "v1.34.1"

    (header,) = server.seen
    token = header.removeprefix("Bearer k8s-aws-v1.")
    url = urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    query = {key: values[0] for key, values in parse_qs(url.query).items()}
    assert header != token
    assert "=" not in token
    assert (url.scheme, url.netloc, url.path) == ("https", "sts.eu-central-1.amazonaws.com", "/")
    assert (query["Action"], query["Version"], query["X-Amz-Expires"]) == ("GetCallerIdentity", "2011-06-15", "60")
    assert query["X-Amz-SignedHeaders"] == "host;x-k8s-aws-id"
    assert query["X-Amz-Credential"].startswith("AKIDEXAMPLE/")
    assert query["X-Amz-Credential"].endswith("/eu-central-1/sts/aws4_request")
    assert query["X-Amz-Security-Token"] == "session"
    assert len(query["X-Amz-Signature"]) == 64


async def test_eks_tokens_are_renewed_after_ten_minutes_and_once_when_refused(
    server: FakeApiServer, aws: pytest.MonkeyPatch
) -> None:
    clock = ManualClock()
    async with open_cluster(_eks(server), clock, redact=str) as cluster:
        await cluster.version()
        aws.setenv("AWS_ACCESS_KEY_ID", "AKIDSECOND")  # tokens of one second are alike otherwise
        await cluster.version()
        clock.move(minutes=10)
        await cluster.version()
        aws.setenv("AWS_ACCESS_KEY_ID", "AKIDTHIRD")
        server.refused.add(server.seen[-1])
        assert await cluster.version() == "v1.34.1"
        server.closed = True
        with pytest.raises(Forbidden, match="Cluster prod does not accept the bot's credentials"):
            await cluster.version()

    assert [_key(header) for header in server.seen[:5]] == ["AKIDEXAMPLE", "AKIDEXAMPLE", "AKIDSECOND", "AKIDSECOND", "AKIDTHIRD"]


def _key(header: str) -> str:
    token = header.removeprefix("Bearer k8s-aws-v1.")
    url = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    return parse_qs(urlsplit(url).query)["X-Amz-Credential"][0].partition("/")[0]


@pytest.mark.parametrize("known", [True, False])
async def test_an_eks_cluster_is_looked_up_when_only_its_name_is_known(
    server: FakeApiServer,
    aws: pytest.MonkeyPatch,
    known: bool,  # noqa: FBT001
) -> None:
    async def describe(request: web.Request) -> web.Response:
        if not known:
            return web.json_response({"message": "No cluster found for name: echo-prod."}, status=404)
        authority = {"data": base64.b64encode(server.certificate.read_bytes()).decode()}
        return web.json_response({"cluster": {"endpoint": server.url, "certificateAuthority": authority}})

    app = web.Application()
    app.router.add_get("/clusters/echo-prod", describe)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    aws.setenv("AWS_ENDPOINT_URL_EKS", f"http://127.0.0.1:{runner.addresses[0][1]}")
    settings = ClusterSettings(name="prod", eks=Eks(cluster="echo-prod", region="eu-central-1"))
    async with open_cluster(settings, SystemClock(), redact=str) as cluster:
        if known:
            assert await cluster.version() == "v1.34.1"
        else:
            with pytest.raises(
                PermanentError, match=r"AWS would not describe EKS cluster echo-prod in eu-central-1: .*No cluster"
            ):
                await cluster.version()
    await runner.cleanup()


async def test_without_aws_credentials_eks_says_so(server: FakeApiServer, aws: pytest.MonkeyPatch) -> None:
    aws.delenv("AWS_ACCESS_KEY_ID")
    async with open_cluster(_eks(server), SystemClock(), redact=str) as cluster:
        with pytest.raises(PermanentError, match="There are no AWS credentials for EKS cluster echo-prod"):
            await cluster.version()


def _plugin(tmp_path: Path, server: FakeApiServer, source: str) -> ClusterSettings:
    """A kubeconfig whose user logs in with a program, as cloud providers have it."""
    program = tmp_path / "login.py"
    program.write_text(source)
    version = "client.authentication.k8s.io/v1"
    run = {"apiVersion": version, "command": sys.executable, "args": [str(program)], "interactiveMode": "Never"}
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server.url, "certificate-authority": str(server.certificate)}}],
        "users": [{"name": "a", "user": {"exec": run}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    return ClusterSettings(name="prod", kubeconfig=str(tmp_path / "kubeconfig"), total_timeout=5)


def _login(tmp_path: Path) -> str:
    """Counts its runs; its tokens are good for fifteen minutes."""
    credential = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    expires = (NOON + timedelta(minutes=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"""
import json, pathlib
runs = pathlib.Path({str(tmp_path / "runs")!r})
number = len(runs.read_text()) + 1 if runs.exists() else 1
runs.write_text("x" * number)
status = {{"token": f"token-{{number}}", "expirationTimestamp": {expires!r}}}
print(json.dumps({{**{json.dumps(credential)}, "status": status}}))
"""


async def test_a_login_program_is_run_again_before_its_token_ends_and_when_it_is_refused(
    server: FakeApiServer, tmp_path: Path
) -> None:
    clock = ManualClock()
    async with open_cluster(_plugin(tmp_path, server, _login(tmp_path)), clock, redact=str) as cluster:
        await cluster.version()
        clock.move(minutes=13)
        await cluster.version()
        clock.move(minutes=1)
        await cluster.version()
        clock.time = NOON
        server.refused.add("Bearer token-2")
        await cluster.version()

    assert server.seen == [f"Bearer token-{number}" for number in (1, 1, 2, 2, 3)]


async def test_a_login_program_that_fails_is_quoted(server: FakeApiServer, tmp_path: Path) -> None:
    async with open_cluster(_plugin(tmp_path, server, "raise SystemExit('who are you')"), SystemClock(), redact=str) as cluster:
        with pytest.raises(PermanentError, match=r"kubeconfig of cluster prod cannot be used: .*who are you"):
            await cluster.version()


async def test_a_service_accounts_token_is_read_again_every_minute(
    server: FakeApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
    (tmp_path / "ca.crt").write_bytes(server.certificate.read_bytes())
    (tmp_path / "token").write_text("first\n")
    clock = ManualClock()
    async with open_cluster(
        ClusterSettings(name="here", in_cluster=True, service_account=tmp_path), clock, redact=str
    ) as cluster:
        await cluster.version()
        (tmp_path / "token").write_text("second\n")
        await cluster.version()
        clock.move(minutes=1)
        await cluster.version()
        (tmp_path / "token").write_text("third\n")
        server.refused.add("Bearer second")
        await cluster.version()

    assert server.seen == ["Bearer first", "Bearer first", "Bearer second", "Bearer second", "Bearer third"]


async def test_outside_a_cluster_there_is_no_way_in_from_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    async with open_cluster(
        ClusterSettings(name="here", in_cluster=True, service_account=tmp_path), SystemClock(), redact=str
    ) as cluster:
        with pytest.raises(PermanentError, match="Cluster here cannot be entered from inside"):
            await cluster.version()


async def test_a_certificate_that_is_not_trusted_is_not_a_passing_trouble(server: FakeApiServer, tmp_path: Path) -> None:
    config = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server.url}}],
        "users": [{"name": "a", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    settings = ClusterSettings(name="prod", kubeconfig=str(tmp_path / "kubeconfig"))
    async with open_cluster(settings, SystemClock(), redact=str) as cluster:
        with pytest.raises(PermanentError, match=r"The certificate of cluster prod is not trusted: self-signed certificate\."):
            await cluster.version()
    assert server.seen == []

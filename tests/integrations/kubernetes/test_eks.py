"""EKS: tokens from presigned requests to STS, renewed in time; clusters found by name."""

import base64
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from domain.clock import SystemClock
from domain.errors import Forbidden, PermanentError
from integrations.kubernetes import ClusterSettings, Eks, open_cluster
from tests.harness.fakes.kubernetes_tokens import FakeApiServer, ManualClock


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

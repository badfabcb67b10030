"""Each way in of a kubeconfig outlives its credential: the server refuses the old one, the bot comes with the new one."""

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from domain.errors import TemporaryError
from integrations.kubernetes import ClusterSettings, Credential, open_cluster
from integrations.kubernetes.certificates import end_of_certificate
from tests.harness.fakes.kubernetes_tokens import NOON, ClientCertificate, FakeApiServer, ManualClock
from tests.harness.kubeconfigs import kubeconfig, printing, program


def of_certificate(client: ClientCertificate, **more: str) -> dict[str, str]:
    return {"clientCertificateData": client.certificate.read_text(), "clientKeyData": client.key.read_text(), **more}


async def test_a_login_program_is_run_again_before_its_client_certificate_ends(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    first, second = client_certificates
    clock = ManualClock(datetime.now(UTC))
    settings = kubeconfig(tmp_path, server, program(tmp_path, printing(of_certificate(first))))
    async with open_cluster(settings, clock, redact=str) as cluster:
        await cluster.version()
        program(tmp_path, printing(of_certificate(second)))
        clock.move(hours=23)
        await cluster.version()
        clock.move(minutes=59, seconds=30)
        server.refused.add("first")
        await cluster.version()

    assert server.seen == ["first", "first", "second"]


async def test_a_program_that_says_when_its_certificate_ends_is_believed(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    clock = ManualClock()
    ends = (NOON + timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M:%SZ")
    first, second = (of_certificate(each, expirationTimestamp=ends) for each in client_certificates)
    settings = kubeconfig(tmp_path, server, program(tmp_path, printing(first)))
    async with open_cluster(settings, clock, redact=str) as cluster:
        await cluster.version()
        program(tmp_path, printing(second))
        clock.move(minutes=4, seconds=30)
        await cluster.version()

    assert server.seen == ["first", "second"]


async def test_a_certificate_that_is_refused_early_is_replaced(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    first, second = client_certificates
    settings = kubeconfig(tmp_path, server, program(tmp_path, printing(of_certificate(first))))
    async with open_cluster(settings, ManualClock(), redact=str) as cluster:
        await cluster.version()
        program(tmp_path, printing(of_certificate(second)))
        server.refused.add("first")
        await cluster.version()

    assert server.seen == ["first", "first", "second"]


async def test_certificates_in_files_are_read_again_each_minute(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    first, second = client_certificates
    clock = ManualClock()
    pair = ClientCertificate(tmp_path / "me.crt", tmp_path / "me.key")
    settings = kubeconfig(tmp_path, server, {"client-certificate": "me.crt", "client-key": "me.key"})
    _copy(first, pair)
    async with open_cluster(settings, clock, redact=str) as cluster:
        await cluster.version()
        _copy(second, pair)
        server.refused.add("first")
        clock.move(minutes=1)
        await cluster.version()

    assert server.seen == ["first", "second"]


async def test_certificates_within_the_kubeconfig_are_read_again_when_refused(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    first, second = client_certificates
    async with open_cluster(kubeconfig(tmp_path, server, _inline(first)), ManualClock(), redact=str) as cluster:
        await cluster.version()
        kubeconfig(tmp_path, server, _inline(second))
        server.refused.add("first")
        await cluster.version()

    assert server.seen == ["first", "first", "second"]


async def test_a_certificate_that_the_tls_handshake_refuses_is_replaced_for_the_next_request(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    ended = ClientCertificate(server.certificate, server.certificate.parent / "key.pem")
    first_run, then = printing(of_certificate(ended)), printing(of_certificate(client_certificates[1]))
    marker = f"pathlib.Path({str(tmp_path / 'has-run')!r})"
    script = f"import pathlib\nif not {marker}.exists():\n    {marker}.touch()\n    {first_run}\nelse:\n    {then}"
    async with open_cluster(kubeconfig(tmp_path, server, program(tmp_path, script)), ManualClock(), redact=str) as cluster:
        with pytest.raises(TemporaryError):
            await cluster.version()
        await cluster.version()

    assert server.seen == ["second"]


@pytest.mark.parametrize("provider", ["gcp", "oidc"])
async def test_what_an_auth_provider_has_written_is_read_again(server: FakeApiServer, tmp_path: Path, provider: str) -> None:
    def user(name: str) -> dict[str, object]:
        token = _web_token(NOON.replace(year=2040), name)
        config = {
            "gcp": {"access-token": token, "expiry": "2040-01-01T00:00:00Z"},
            "oidc": {"id-token": token, "client-id": "me", "idp-issuer-url": "https://login.example"},
        }[provider]
        return {"auth-provider": {"name": provider, "config": config}}

    clock = ManualClock()
    async with open_cluster(kubeconfig(tmp_path, server, user("first")), clock, redact=str) as cluster:
        await cluster.version()
        kubeconfig(tmp_path, server, user("second"))
        clock.move(minutes=1)
        await cluster.version()
        kubeconfig(tmp_path, server, user("third"))
        server.refused.add(server.seen[-1])
        await cluster.version()

    assert [each.rpartition(".")[2] for each in server.seen] == ["first", "second", "second", "third"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning:kubernetes_asyncio.config.openid")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:aiohttp")
async def test_an_oidc_token_that_has_ended_is_refreshed_at_its_issuer(server: FakeApiServer, tmp_path: Path) -> None:
    names = iter(("second", "third"))

    async def configuration(request: web.Request) -> web.Response:
        return web.json_response({"token_endpoint": f"http://{request.host}/token"})

    async def refresh(request: web.Request) -> web.Response:
        assert (await request.post())["refresh_token"] == "refresh-me"
        token = _web_token(datetime.now(UTC) + timedelta(hours=1), next(names))
        return web.json_response({"id_token": token, "refresh_token": "refresh-me"})

    issuer = web.Application()
    issuer.add_routes([web.get("/.well-known/openid-configuration", configuration), web.post("/token", refresh)])
    async with TestServer(issuer) as running:
        config = {
            "id-token": _web_token(datetime.now(UTC) - timedelta(hours=1), "first"),
            "refresh-token": "refresh-me",
            "client-id": "me",
            "client-secret": "us",
            "idp-issuer-url": f"http://{running.host}:{running.port}",
        }
        settings = kubeconfig(tmp_path, server, {"auth-provider": {"name": "oidc", "config": config}})
        clock = ManualClock(datetime.now(UTC))
        async with open_cluster(settings, clock, redact=str) as cluster:
            await cluster.version()
            server.refused.add(server.seen[-1])
            await cluster.version()

    assert [each.rpartition(".")[2] for each in server.seen] == ["second", "second", "third"]


async def test_a_half_written_pair_of_certificates_is_waited_for(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    first, second = client_certificates
    clock = ManualClock()
    pair = ClientCertificate(tmp_path / "me.crt", tmp_path / "me.key")
    settings = kubeconfig(tmp_path, server, {"client-certificate": "me.crt", "client-key": "me.key"})
    _copy(first, pair)
    async with open_cluster(settings, clock, redact=str) as cluster:
        await cluster.version()
        pair.certificate.write_bytes(second.certificate.read_bytes())
        clock.move(minutes=1)
        await cluster.version()
        pair.key.write_bytes(second.key.read_bytes())
        clock.move(minutes=1)
        await cluster.version()

    assert server.seen == ["first", "first", "second"]


async def test_a_file_with_a_token_is_read_again_and_may_end_with_a_line_break(server: FakeApiServer, tmp_path: Path) -> None:
    clock = ManualClock()
    token = tmp_path / "token"
    token.write_text("first\n")
    async with open_cluster(kubeconfig(tmp_path, server, {"tokenFile": "token"}), clock, redact=str) as cluster:
        await cluster.version()
        token.write_text("second\r\n")
        clock.move(minutes=1)
        await cluster.version()
        token.write_text("third\n")
        server.refused.add("Bearer second")
        await cluster.version()

    assert server.seen == ["Bearer first", "Bearer second", "Bearer second", "Bearer third"]


async def test_a_token_within_the_kubeconfig_is_read_again_when_it_ends_or_is_refused(
    server: FakeApiServer, tmp_path: Path
) -> None:
    clock = ManualClock()
    first = _web_token(NOON + timedelta(minutes=30))
    async with open_cluster(kubeconfig(tmp_path, server, {"token": first}), clock, redact=str) as cluster:
        await cluster.version()
        kubeconfig(tmp_path, server, {"token": "second"})
        clock.move(minutes=29)
        await cluster.version()
        kubeconfig(tmp_path, server, {"token": "third"})
        server.refused.add("Bearer second")
        await cluster.version()

    assert server.seen == [f"Bearer {first}", "Bearer second", "Bearer second", "Bearer third"]


async def test_a_name_and_password_are_read_again_when_refused(server: FakeApiServer, tmp_path: Path) -> None:
    first, second = (base64.b64encode(f"me:{word}".encode()).decode() for word in ("one", "two"))
    settings = kubeconfig(tmp_path, server, {"username": "me", "password": "one"})
    async with open_cluster(settings, ManualClock(), redact=str) as cluster:
        await cluster.version()
        kubeconfig(tmp_path, server, {"username": "me", "password": "two"})
        server.refused.add(f"Basic {first}")
        await cluster.version()

    assert server.seen == [f"Basic {first}", f"Basic {first}", f"Basic {second}"]


async def test_the_end_of_each_kind_of_credential_is_known(
    server: FakeApiServer, tmp_path: Path, client_certificates: list[ClientCertificate]
) -> None:
    ends = NOON + timedelta(minutes=30)
    (tmp_path / "token").write_text(_web_token(ends))
    known = printing({"token": "t", "expirationTimestamp": ends.isoformat()})
    assert await _credential(kubeconfig(tmp_path, server, {"token": _web_token(ends)})) == Credential(
        "token", ends, is_renewed=False
    )
    assert await _credential(kubeconfig(tmp_path, server, {"tokenFile": "token"})) == Credential("token", ends, is_renewed=True)
    assert await _credential(kubeconfig(tmp_path, server, program(tmp_path, known))) == Credential("token", ends, is_renewed=True)
    assert await _credential(kubeconfig(tmp_path, server, {"token": "t"})) == Credential("token", None, is_renewed=False)
    certificate = await _credential(kubeconfig(tmp_path, server, _inline(client_certificates[0])))
    assert certificate.kind == "certificate"
    assert certificate.expires_at == end_of_certificate(client_certificates[0].certificate.read_text())


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_a_certificate_that_cannot_be_read_has_no_known_end(text: str) -> None:
    assert end_of_certificate(text) is None


def test_the_end_of_a_certificate_is_read(client_certificates: list[ClientCertificate]) -> None:
    for client, days in zip(client_certificates, (1, 2), strict=True):
        ends = end_of_certificate(client.certificate.read_text())
        assert ends is not None
        assert abs(ends - datetime.now(UTC) - timedelta(days=days)) < timedelta(hours=1)


async def _credential(settings: ClusterSettings) -> Credential:
    async with open_cluster(settings, ManualClock(), redact=str) as cluster:
        return await cluster.credential()


def _copy(source: ClientCertificate, target: ClientCertificate) -> None:
    target.certificate.write_bytes(source.certificate.read_bytes())
    target.key.write_bytes(source.key.read_bytes())


def _inline(client: ClientCertificate) -> dict[str, str]:
    certificate, key = (base64.b64encode(path.read_bytes()).decode() for path in (client.certificate, client.key))
    return {"client-certificate-data": certificate, "client-key-data": key}


def _web_token(ends: datetime, signature: str = "s") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(ends.timestamp())}).encode()).decode().rstrip("=")
    return f"h.{claims}.{signature}"

"""An API server with a certificate of its own, for tests of credentials."""

import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from tests.harness.fakes.kubernetes_tokens import ClientCertificate, FakeApiServer


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-keyout", folder / "key.pem", "-out", folder / "ca.crt"], check=True, capture_output=True)
    return folder / "ca.crt"


@pytest.fixture(scope="module")
def client_certificates(tmp_path_factory: pytest.TempPathFactory) -> list[ClientCertificate]:
    """Two of one user, for one and for two days."""
    folder = tmp_path_factory.mktemp("clients")
    return [_client_certificate(folder, name, days) for name, days in (("first", 1), ("second", 2))]


def _client_certificate(folder: Path, name: str, days: int) -> ClientCertificate:
    made = ClientCertificate(folder / f"{name}.crt", folder / f"{name}.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", str(days), "-subj", f"/CN={name}"]
    subprocess.run([*command, "-keyout", made.key, "-out", made.certificate], check=True, capture_output=True)
    return made


@pytest.fixture
async def server(certificate: Path, client_certificates: list[ClientCertificate]) -> AsyncIterator[FakeApiServer]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, certificate.parent / "key.pem")
    tls.verify_mode = ssl.CERT_OPTIONAL  # As the API server does: who shows none may have a token.
    for client in client_certificates:
        tls.load_verify_locations(client.certificate)
    api_server = FakeApiServer(0, certificate)
    app = web.Application()
    app.router.add_get("/version", api_server.version)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    api_server.port = runner.addresses[0][1]
    yield api_server
    await runner.cleanup()

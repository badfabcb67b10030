"""Tokens that expire: renewed in time, once for all, and once more when the server refuses one."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import pytest

from domain.clock import SystemClock
from domain.errors import PermanentError, TemporaryError
from integrations.kubernetes import ClusterSettings, open_cluster
from integrations.kubernetes.tokens import Credentials, ExpiringToken
from tests.harness.fakes.kubernetes_tokens import FakeApiServer, ManualClock


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


async def _header(credentials: Credentials) -> str:
    return (await credentials.current()).header


async def test_a_token_is_issued_once_for_all_who_wait_and_renewed_after_ten_minutes() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)

    assert await asyncio.gather(*(_header(credentials) for _ in range(5))) == ["Bearer 1"] * 5
    clock.move(minutes=9, seconds=59)
    assert await _header(credentials) == "Bearer 1"
    clock.move(seconds=1)
    assert await asyncio.gather(*(_header(credentials) for _ in range(5))) == ["Bearer 2"] * 5
    assert issuer.issued == 2


async def test_a_refused_token_is_replaced_once_however_many_were_refused() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)
    refused = await credentials.current()

    replaced = await asyncio.gather(*(credentials.replace_refused(refused) for _ in range(5)))

    assert [token.header for token in replaced] == ["Bearer 2"] * 5
    assert issuer.issued == 2


async def test_an_issuer_that_is_away_for_a_moment_costs_nothing() -> None:
    clock = ManualClock()
    issuer = FakeTokenIssuer(clock)
    credentials = Credentials(issuer, clock)
    await _header(credentials)
    issuer.away = True

    clock.move(minutes=12)
    assert await _header(credentials) == "Bearer 1"
    clock.move(minutes=2)
    with pytest.raises(TemporaryError, match="issuer does not answer"):
        await _header(credentials)
    issuer.away = False
    assert await _header(credentials) == "Bearer 2"


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

"""A secret whose head stands before the lines that are shown."""

from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from domain.redaction import redact
from domain.targets import Target
from domain.workloads.pod_failures import PodFailure
from integrations.kubernetes.client import KubernetesClient
from integrations.kubernetes.cluster_reads import ClusterReads
from integrations.kubernetes.pod_failures import MAX_LOG_LINES, _Candidate, _with_log_tail
from tests.redaction.shapes import make_sample, pem

WEB = Target(environment="production", service="web", cluster="here", namespace="shop", deployment="web", container="web")
CRASHED = _Candidate(failure=PodFailure(pod="web-1", container="web", reason="Error", message="", restarts=1), has_log=True)


@dataclass
class FakeLogs:
    """A container that wrote ``text``; gives its last lines as the API server does."""

    text: str

    async def pod_log(self, _namespace: str, _pod: str, *, lines: int, max_bytes: int, **_: object) -> str:
        return "\n".join(self.text.split("\n")[-lines:])[:max_bytes]


async def _shown(text: str) -> str:
    client = cast("KubernetesClient", FakeLogs(text))
    failure = await _with_log_tail(client, WEB, CRASHED, redact)
    assert len(failure.log_tail) <= MAX_LOG_LINES
    return "\n".join(failure.log_tail)


async def test_short_lines_of_a_key_are_hidden_though_its_first_line_is_not_shown() -> None:
    body = make_sample("\n".join(["<b40>"] * 30))
    shown = await _shown(f"loading\n{pem('BEGIN', 'RSA')}\n{body.text}")
    assert not body.leaks(shown)


async def test_the_name_of_a_value_may_stand_before_the_lines_that_are_shown() -> None:
    secret = make_sample("<a30>")
    lines = [f"line {number}" for number in range(MAX_LOG_LINES - 1)]
    shown = await _shown("\n".join(["- name: DB_PASSWORD", f"  value: {secret.text}", *lines]))
    assert not secret.leaks(shown)
    assert "line 8" in shown


async def test_of_long_lines_the_newest_are_read_all_the_same() -> None:
    written = [f"2026-11-20T10:00:{number % 60:02d}.000000000Z line {number} {'x' * 900}" for number in range(2_000)]
    reads = ClusterReads(cast("KubernetesClient", FakeLogs("\n".join(written))), redact)
    log = await reads.log(WEB, "web-1", last=timedelta(hours=1), lines=2_000, max_bytes=512 * 1024)
    assert log.is_cut
    assert len(log.lines) == 500
    assert log.lines[-1].text.startswith("line 1999 ")


async def test_a_line_keeps_signs_that_other_programs_take_for_its_end() -> None:
    text = "2026-11-20T10:00:00.5Z progress\r100 %\u2028done\r\n2026-11-20T10:00:01Z next\nof no time"
    log = await ClusterReads(cast("KubernetesClient", FakeLogs(text)), redact).log(
        WEB, "web-1", last=timedelta(hours=1), lines=50, max_bytes=65_536
    )
    assert [line.text for line in log.lines] == ["progress\r100 %\u2028done", "next"]

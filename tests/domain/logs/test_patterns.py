"""Lines that are alike are one pattern, whatever differs in them."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.logs.lines import LogLine
from domain.logs.patterns import pattern_of, patterns_of

AT = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 12ms", "took 4.5ms"),
        ("2026-11-20T10:00:00.123Z INFO ready", "2026-11-21T00:00:59Z INFO ready"),
        ("[2026-11-20 10:00:00,123] ERROR in app", "[2026-11-20 10:00:01,000] ERROR in app"),
        ("user 5f3c2a10-0c1d-4e5f-8a9b-0c1d2e3f4a5b logged in", "user 00000000-0c1d-4e5f-8a9b-ffffffffffff logged in"),
        ("10.1.3.44:8000 refused", "10.250.3.4:81 refused"),
        ("session s-344f1 restored", "session s-99a1 restored"),
        ("running main-51d2c44", "running main-9f00d12"),
        ("commit a1b2c3d4e5f60718 built", "commit 0011223344556677 built"),
        ("version v1.2.3 of 4", "version v10.2 of 5"),
        ("balance -12 of 1,000.50", "balance 7 of 2"),
        ('{"level": "error", "msg": "boom 12", "ts": 1.5}', '{"ts": 9, "msg": "boom 9", "level": "error"}'),
        ("a\tb   c", "a b c"),
    ],
)
def test_alike(one: str, other: str) -> None:
    assert pattern_of(one) == pattern_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("GET /api/status 200", "GET /api/echo 200"),
        ("INFO ready", "ERROR ready"),
        ("connection refused", "connection reset"),
        ('{"level": "info", "msg": "boom"}', '{"level": "error", "msg": "boom"}'),
        ("{not json", "{no json"),
    ],
)
def test_not_alike(one: str, other: str) -> None:
    assert pattern_of(one) != pattern_of(other)


@pytest.mark.parametrize("text", ["", "12", "   ", "{}", "[" * 5000, '{"a":' * 2000, "x" * 100_000, "{" + "1" * 5000, "…"])
def test_any_text_has_one(text: str) -> None:
    assert 0 < len(pattern_of(text)) <= 200


def test_counts_and_times_and_what_is_new() -> None:
    lines = [LogLine(AT + timedelta(seconds=number), f"took {number}ms") for number in (3, 1, 2)]
    lines.append(LogLine(AT, "ERROR no answer"))
    took, error = patterns_of(lines, [LogLine(AT - timedelta(hours=1), "took 9ms")])
    assert (took.text, took.count, took.is_new, took.is_bad) == ("took …ms", 3, False, False)
    assert (took.first_at, took.last_at) == (AT + timedelta(seconds=1), AT + timedelta(seconds=3))
    assert (error.text, error.is_new, error.is_bad) == ("ERROR no answer", True, True)
    assert not any(each.is_new for each in patterns_of(lines))


@pytest.mark.parametrize("text", ["1" * 1_998 + "g1", "1.1" * 700 + "x", "a-" * 900, "-1,1" * 500 + "_1", "0x" + "f" * 1_990])
def test_nobody_keeps_the_bot_busy_by_what_they_write_into_a_log(text: str) -> None:
    began = time.process_time()
    for _ in range(200):
        pattern_of(text)
    assert time.process_time() - began < 2, "two thousand such lines would stop everything else for a while"

"""Every line that leaves as a log is one JSON object without a secret, whoever wrote it."""

import json
import subprocess
import sys
from typing import Any

import pytest

SECRET = "xoxb-1234567890-abcdefghij"


def lines_of(program: str, *, level: str = "INFO") -> list[dict[str, Any]]:
    """What a process logs: handlers are global, so each test has a process of its own."""
    preface = f"from bot.core.logs import set_up_logs\nset_up_logs({level!r}, 'json')\nimport logging, structlog, warnings\n"
    done = subprocess.run([sys.executable, "-c", preface + program], capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout == ""
    assert SECRET not in done.stderr
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_event_is_one_line_of_json_with_time_and_level() -> None:
    (line,) = lines_of("structlog.get_logger().info('socket open', connections=2)")
    assert line["event"] == "socket open"
    assert line["connections"] == 2
    assert line["level"] == "info"
    assert line["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    "program",
    [
        f"structlog.get_logger().info('the token is {SECRET}')",
        f"structlog.get_logger().info('x', nested={{'deep': ['{SECRET}']}})",
        f"structlog.get_logger().info('x', bot_token='{SECRET}')",
        f"logging.getLogger('slack_sdk').warning('sent %s', '{SECRET}')",
        f"warnings.warn('{SECRET}')",
        "structlog.get_logger().info('x', address='wss://wss.slack.com/link/?ticket=abcdef0123456789&app_id=1')",
        "structlog.get_logger().info('x', url='https://hooks.slack.com/commands/T0/1/abcdef0123456789')",
    ],
)
def test_secrets_are_masked_wherever_they_stand(program: str) -> None:
    (line,) = lines_of(program)
    text = json.dumps(line, ensure_ascii=False)
    assert "•••" in text
    assert "abcdef0123456789" not in text


def test_a_value_under_a_telling_name_is_masked_whole() -> None:
    (line,) = lines_of("structlog.get_logger().info('x', password='two words', attempts=3)")
    assert (line["password"], line["attempts"]) == ("•••", 3)


def test_tracebacks_are_masked_too() -> None:
    program = f"""
try:
    raise ValueError('{SECRET}')
except ValueError:
    structlog.get_logger().exception('it failed')
    logging.getLogger('aiohttp.server').exception('it failed there')
raise RuntimeError('{SECRET}')
"""
    ours, theirs, uncaught = lines_of(program)
    for line in (ours, theirs, uncaught):
        assert "Traceback" in line["exception"]
        assert "•••" in line["exception"]
    assert theirs["logger"] == "aiohttp.server"
    assert uncaught["event"] == "process ended by an error"


def test_libraries_that_print_payloads_stay_at_info_whatever_the_level() -> None:
    program = """
logging.getLogger('slack_sdk.web').debug('payload')
logging.getLogger('dbos').info('chatter')
logging.getLogger('kubernetes_asyncio.client').info('chatter')
logging.getLogger('bot').debug('ours')
"""
    assert [line["event"] for line in lines_of(program, level="DEBUG")] == ["ours"]


def test_dbos_writes_through_our_filter() -> None:
    program = f"import dbos\nlogging.getLogger('dbos').warning('lost {SECRET}')"
    (line,) = lines_of(program)
    assert line["event"] == "lost •••"

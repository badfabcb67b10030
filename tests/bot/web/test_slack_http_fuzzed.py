"""Signed requests of any kind: stored and acknowledged, or refused in a line. Never an error of ours, never a traceback."""

import json
import logging
import random
from copy import deepcopy
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from structlog.testing import capture_logs

from bot.slack.http import SLACK_PATHS
from tests.harness.databases import migrated_file, sqlite_url
from tests.harness.slack_endpoint import CLICK, COMMAND, SlackEndpointHarness, harness, submission

__all__ = ["harness", "migrated_file", "sqlite_url"]

MUTATIONS = 3000
SEED = 20260
DEEP: Any = "bottom"
for _ in range(200):
    DEEP = [DEEP]
HUGE = "a number with 5,000 digits"
"""Stands for the number: Python refuses to write such a one."""
ODD: list[Any] = [
    *(None, True, 0, -1, 10**30, HUGE, 1e308, float("nan"), float("-inf"), "", " ", "\0", "\ud800", "x" * 300, "é😀"),
    *([], [None], ["x"], [[]], {}, {"id": 5}, {"id": None}, {"type": []}, {"": ""}, {"value": {}}, DEEP),
]
EVENT = {
    "type": "event_callback",
    "team_id": "T0HOME",
    "event_id": "Ev1",
    "authorizations": [{"team_id": "T0HOME", "user_id": "U0"}],
}
PAYLOADS: list[dict[str, Any]] = [
    CLICK,
    submission(env="staging", reason="x"),
    EVENT | {"event": {"type": "app_home_opened", "user": "U0ANA", "tab": "home"}},
    EVENT | {"event": {"type": "message", "channel": "C0", "message": {"user": "U0"}, "item": {"channel": "C0"}}},
    EVENT | {"is_ext_shared_channel": True, "event": {"type": "user_change", "user": {"id": "U0ANA"}, "team": "T0"}},
    {"type": "block_suggestion", "action_id": "version", "block_id": "b", "value": "ma", "user": {"id": "U0"}},
    {"type": "shortcut", "callback_id": "x", "user": {"id": "U0"}, "team": {"id": "T0"}, "enterprise": None},
    {"type": "view_closed", "user": {"id": "U0"}, "view": {"callback_id": "form", "type": "modal"}},
    {"type": "interactive_message", "callback_id": "x", "actions": [{"name": "n", "value": "v"}], "user": {"id": "U0"}},
    {"type": "dialog_submission", "callback_id": "x", "user": {"id": "U0"}, "response_urls": [{"response_url": "https://x"}]},
    {"type": "url_verification", "challenge": "c"},
    {"command": "/deepecho", "text": "help", "user_id": "U0", "team_id": "T0", "trigger_id": "1.2"},
]


def mutated(payload: dict[str, Any], rng: random.Random) -> str:
    """JSON with one to three things in it changed, left out, or said twice."""
    changed = deepcopy(payload)
    for _ in range(rng.randint(1, 3)):
        _change(changed, rng)
    text = json.dumps(changed, ensure_ascii=rng.random() < 0.5).replace(f'"{HUGE}"', "9" * 5000)
    match rng.randrange(12):
        case 0:
            return text[: rng.randrange(len(text))]
        case 1:
            return text[:-1] + f', "{rng.choice(list(payload))}": {json.dumps(rng.choice(ODD[:10]))}}}'
        case 2:
            return f"[{text}]"
        case _:
            return text


def _change(value: Any, rng: random.Random) -> None:
    places: list[tuple[Any, Any]] = []
    level = [value]
    while level:
        part = level.pop()
        inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
        places += [(part, key) for key, _ in inside]
        level += [each for _, each in inside if isinstance(each, dict | list)]
    if not places:
        return
    part, key = rng.choice(places)
    if rng.random() < 0.3:
        del part[key]
    else:
        part[key] = deepcopy(rng.choice(ODD))


def body_of(rng: random.Random) -> bytes:
    """A body as Slack encodes it, or nearly."""
    if rng.random() < 0.2:
        fields = {**COMMAND, rng.choice(list(COMMAND)): rng.choice(["", "\0", "é", "x" * 300, " ", "%", "\n"])}
        raw = urlencode(fields).encode()
    else:
        text = mutated(rng.choice(PAYLOADS), rng).encode("utf-8", "surrogatepass")
        raw = text if rng.random() < 0.4 else b"payload=" + quote_plus(text).encode()
    if rng.random() < 0.2:
        at = rng.randrange(len(raw) + 1)
        raw = raw[:at] + rng.choice([b"\xff", b"\0", b"&", b"=", b"%", b"%zz", b"&payload={}", b"+"]) + raw[at:]
    return raw


@pytest.mark.parametrize("path", SLACK_PATHS)
async def test_whatever_is_signed_is_stored_or_refused_in_a_line(
    harness: SlackEndpointHarness, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with capture_logs() as events:
        answers = await post_mutated(harness, path)
    # Bolt warns of kinds that nobody handles.
    assert (events, [each for each in caplog.records if each.levelno >= logging.ERROR]) == ([], [])
    assert min(answers.values()) > 50, "the mutator must make both, requests that are taken and such that are not"


async def post_mutated(harness: SlackEndpointHarness, path: str) -> dict[int, int]:
    """How often each status was the answer."""
    rng = random.Random(SEED + len(path))  # noqa: S311 -- inputs that can be made again
    answers: dict[int, int] = {}
    async with harness.session() as post:
        for _ in range(MUTATIONS // len(SLACK_PATHS)):
            body = body_of(rng)
            status, text = await post(path, body)
            assert status in (200, 400), (status, text, body[:2000])
            assert status == 200 or (text and "\n" not in text), (text, body[:2000])
            answers[status] = answers.get(status, 0) + 1
    return answers

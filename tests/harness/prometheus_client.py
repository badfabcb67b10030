"""A Prometheus that answers what a test scripts."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness.fakes.scripted_web import ScriptedResponse

RECORDINGS = Path(__file__).parents[1] / "recordings"
UNTIL = datetime(2026, 11, 23, 3, 8, 3, tzinfo=UTC)
SINCE = UNTIL - timedelta(seconds=10)


def recorded(name: str) -> Any:
    return json.loads((RECORDINGS / f"{name}.json").read_text())


def matrix(*found: tuple[dict[str, str], Sequence[tuple[float, str]]], **more: Any) -> ScriptedResponse:
    result = [{"metric": labels, "values": values} for labels, values in found]
    return ScriptedResponse({"status": "success", "data": {"resultType": "matrix", "result": result}, **more})

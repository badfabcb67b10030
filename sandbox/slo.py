"""The platform's objectives, over what the demo services export."""

from typing import Any

_REQUESTS = 'sum(rate(flask_http_request_total{environment="$environment"}[$window]))'
_COUNT = 'sum(increase(flask_http_request_total{environment="$environment"}[$window]))'
_ERRORS = 'sum(rate(flask_http_request_total{environment="$environment",status=~"5.."}[$window]))'
_SECONDS = 'sum(rate(flask_http_request_duration_seconds_{part}{environment="$environment"}[$window]))'
_CACHE = 'sum(rate(cache_{part}_total{environment="$environment"}[$window]))'


def slo_config() -> dict[str, Any]:
    """Errors under 1 %, answers under 100 ms on average, over 1,000 requests a minute, cache hits over 50 %."""
    hits, misses = (_CACHE.replace("{part}", part) for part in ("hits", "misses"))
    latency = " / ".join(_SECONDS.replace("{part}", part) for part in ("sum", "count"))
    objectives: dict[str, dict[str, Any]] = {
        "errors": {"expression": f"100 * ({_ERRORS} or 0 * {_REQUESTS}) / {_REQUESTS}", "below": 1, "unit": "%"},
        "latency": {"expression": f"1000 * {latency}", "below": 100, "unit": "ms"},
        "throughput": {"expression": f"60 * {_REQUESTS}", "above": 1000, "unit": "/min"},
        "cache-hits": {"expression": f"100 * {hits} / ({hits} + {misses})", "above": 50, "unit": "%"},
    }
    return {name: {**each, "requests": _COUNT} for name, each in objectives.items()}

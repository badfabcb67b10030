"""The platform's objectives, over what the demo services export."""

from typing import Any

_ENVIRONMENT, _SERVICE = 'environment="$environment"', 'environment="$environment",service="$service"'


def slo_config() -> dict[str, Any]:
    """Errors under 1 %, answers under 100 ms on average, over 1,000 requests a minute, cache hits over 50 %."""
    return {
        "errors": _errors(_ENVIRONMENT) | {"below": 1, "unit": "%", "of_service": _errors(_SERVICE)},
        "latency": _latency(_ENVIRONMENT) | {"below": 100, "unit": "ms", "of_service": _latency(_SERVICE)},
        "throughput": _indicator(f"60 * {_requests(_ENVIRONMENT)}", _ENVIRONMENT) | {"above": 1000, "unit": "/min"},
        "cache-hits": _cache_hits(_ENVIRONMENT) | {"above": 50, "unit": "%"},
    }


def metrics_config() -> dict[str, Any]:
    """What people ask for by name, beside the objectives."""
    requests = _indicator(f"60 * {_requests(_ENVIRONMENT)}", _ENVIRONMENT)
    of_service = _indicator(f"60 * {_requests(_SERVICE)}", _SERVICE)
    sessions = 'sum(cognitive_active_sessions{environment="$environment"})'
    return {
        "names": {
            "requests": requests | {"unit": "/min", "of_service": of_service},
            "saturation": {"expression": sessions},
        }
    }


def _errors(scope: str) -> dict[str, Any]:
    all_requests, failed = _requests(scope), _requests(f'{scope},status=~"5.."')
    return _indicator(f"100 * ({failed} or 0 * {all_requests}) / {all_requests}", scope)


def _latency(scope: str) -> dict[str, Any]:
    total, count = (_rate(f"flask_http_request_duration_seconds_{part}", scope) for part in ("sum", "count"))
    return _indicator(f"1000 * {total} / {count}", scope)


def _cache_hits(scope: str) -> dict[str, Any]:
    hits, misses = (_rate(f"cache_{part}_total", scope) for part in ("hits", "misses"))
    return _indicator(f"100 * {hits} / ({hits} + {misses})", scope)


def _indicator(expression: str, scope: str) -> dict[str, Any]:
    return {"expression": expression, "requests": f"sum(increase(flask_http_request_total{{{scope}}}[$window]))"}


def _requests(scope: str) -> str:
    return _rate("flask_http_request_total", scope)


def _rate(metric: str, scope: str) -> str:
    return f"sum(rate({metric}{{{scope}}}[$window]))"

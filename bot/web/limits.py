"""Limits of one HTTP server: how many connections, and how long each may take."""

import resource
from dataclasses import dataclass

from bot.core.settings import HttpSettings

MAX_HEAD_BYTES = 32 * 1024
"""Request line and headers together. aiohttp limits each line and their number, which together allow a mebibyte."""
MAX_REQUEST_SECONDS = 30.0
"""From the end of the headers to the end of the response, body included. A longer one is cut: its client reads nothing."""
LINGER_SECONDS = 2.0
"""How long a refused body is read and thrown away, so that the client gets the response instead of a reset."""
DESCRIPTORS_SHARE = 2
"""Connections take at most a half of the process's descriptors: the rest is for databases, clusters and Slack."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """Connections in all and from one address; seconds for the headers and for the body; seconds between two requests."""

    max_connections: int = 500
    max_connections_per_peer: int = 400
    """Behind a proxy all requests come from its address."""
    read_timeout: float = 10.0
    keepalive_timeout: float = 75.0
    """Longer than the 60 s of common proxies: who closes first must be the one that sends."""


def http_limits(settings: HttpSettings) -> HttpLimits:
    """The limits that an operator has set."""
    return HttpLimits(
        max_connections=settings.max_connections,
        max_connections_per_peer=settings.max_connections_per_peer,
        read_timeout=settings.read_timeout,
        keepalive_timeout=settings.keepalive_timeout,
    )


def connection_limit(limits: HttpLimits) -> int:
    """Connections that may be open, at most a share of the descriptors that this process may have (``ulimit -n``)."""
    descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if descriptors == resource.RLIM_INFINITY:
        return limits.max_connections
    return min(limits.max_connections, max(1, descriptors // DESCRIPTORS_SHARE))

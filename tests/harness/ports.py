"""Where a whole sandbox can listen without meeting another one."""

import os
import socket

PORT_COUNT = 7
"""The page, the local Slack, the bot, the cluster, the demo services, Prometheus, Alertmanager."""
_FIRST, _LAST = 20_000, 30_000


def free_ports() -> int:
    """The first of some ports in a row that are free now; runs beside this one begin their search elsewhere."""
    start = _FIRST + os.getpid() * 10 % (_LAST - _FIRST)
    candidates: list[int] = [*range(start, _LAST, 10), *range(_FIRST, start, 10)]
    for port in candidates:
        if all(is_free(port + offset) for offset in range(PORT_COUNT)):
            return port
    raise OSError(f"There are no {PORT_COUNT} free ports in a row.")


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

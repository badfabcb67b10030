"""Where a whole sandbox can listen without meeting another one."""

import fcntl
import os
import socket
import tempfile
from pathlib import Path

PORT_COUNT = 8
"""The page, the local Slack, the bot, the cluster, the demo services, Prometheus, Alertmanager, PagerDuty."""
_RESERVED, _STEP = 11, 20
"""Stand-ins of Jaeger, Grafana and logs follow. Every so many ports the search tries again."""
_FIRST, _LAST = 20_000, 30_000
"""Below what the kernel gives to outgoing connections."""
_mine: dict[int, int] = {}
"""The files that say which ports are this process's, by the first port. They are unlocked when it ends."""


def free_ports(near: int = 0) -> int:
    """The first of some ports in a row that are free now, and that no other process of these tests was given.

    The search begins at ``near``, or else where other processes probably do not.
    """
    start = near or _FIRST + os.getpid() * _STEP % (_LAST - _FIRST)
    candidates: list[int] = [*range(start, _LAST, _STEP), *range(_FIRST, start, _STEP)]
    for port in candidates:
        if _claim(port) and all(is_free(port + offset) for offset in range(_RESERVED)):
            return port
    raise OSError(f"There are no {_RESERVED} free ports in a row.")


def _claim(port: int) -> bool:
    """Between our look and our use somebody else might look, too."""
    if port in _mine:
        return True
    folder = Path(tempfile.gettempdir()) / f"deepecho-test-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    file = os.open(folder / str(port), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return False
    _mine[port] = file
    return True


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

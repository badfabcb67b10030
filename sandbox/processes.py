"""What every child process of the sandbox has in common: it ends with the sandbox, and what it says is kept."""

import ctypes
import os
import signal
from collections.abc import Callable

_SET_PDEATHSIG = 1
"""``prctl``'s PR_SET_PDEATHSIG: the child of a sandbox that was killed would hold its port for ever."""


def terminate_with_parent() -> Callable[[], None]:
    """For ``preexec_fn``. The library is loaded here: between fork and exec there is little that one may do."""
    libc = ctypes.CDLL(None)

    def tie() -> None:
        libc.prctl(_SET_PDEATHSIG, signal.SIGTERM)

    return tie


def inherited_environment(*excluded_prefixes: str) -> dict[str, str]:
    """Our own environment without names that begin like these, and without proxies: all is on loopback."""
    names = (name for name in os.environ if not name.startswith(excluded_prefixes) and not name.lower().endswith("_proxy"))
    return {name: os.environ[name] for name in names}


def describe_exit(code: int) -> str:
    """How a process ended, in words."""
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"

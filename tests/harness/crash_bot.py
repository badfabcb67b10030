"""The bot as it is, but ending itself with SIGKILL at one point of one step, and writing down every point that it passes.

``DEEPECHO_TEST_DIE_AT`` is ``<step>/<point>``; points are ``before`` (nothing done), ``done`` (not recorded) and ``recorded``.
``DEEPECHO_TEST_STOP_AT`` is the same for SIGSTOP; ``DEEPECHO_TEST_PROCEDURES`` is the version of the procedures.
``DEEPECHO_TEST_TRACE`` names the file; ``DEEPECHO_TEST_FASTER`` divides the waits between messages and, if
``DEEPECHO_TEST_LEASE_FASTER`` does not say otherwise, half of it a replica's lease.
"""

import asyncio
import os
import signal
from datetime import timedelta
from pathlib import Path

from bot.components.core import RuntimeOptions
from bot.core.logs import set_up_logs
from bot.core.settings import load_settings
from bot.wiring import run_bot
from runbooks.engine.engine import PROCEDURES_VERSION
from runbooks.engine.lease import LeaseTimings
from storage.outbox import RateLimits


class SignalAtPoint:
    """An observer that ends or stops the process at its point."""

    def __init__(self, signals: dict[str, signal.Signals], trace: Path) -> None:
        self._signals, self._trace = signals, trace

    def __call__(self, _operation: str, step: str, point: str, /) -> None:
        passed = f"{step}/{point}"
        with self._trace.open("a") as trace:
            trace.write(f"{passed}\n")
        if passed in self._signals:
            os.kill(os.getpid(), self._signals.pop(passed))


async def main() -> None:
    """Run until SIGTERM."""
    faster = float(os.environ.get("DEEPECHO_TEST_FASTER", "1"))
    second = timedelta(seconds=1 / faster)
    pace = RateLimits(post_interval=second, edit_interval=second, low_priority_interval=3 * second)
    wanted = {"DEEPECHO_TEST_DIE_AT": signal.SIGKILL, "DEEPECHO_TEST_STOP_AT": signal.SIGSTOP}
    signals = {os.environ[name]: number for name, number in wanted.items() if os.environ.get(name)}
    tuning = RuntimeOptions(
        rate_limits=pace,
        observer=SignalAtPoint(signals, Path(os.environ["DEEPECHO_TEST_TRACE"])),
        lease_timings=LeaseTimings().faster(float(os.environ.get("DEEPECHO_TEST_LEASE_FASTER", faster / 2))),
        procedures_version=int(os.environ.get("DEEPECHO_TEST_PROCEDURES", str(PROCEDURES_VERSION))),
    )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with run_bot(load_settings(), tuning):
        await stop.wait()


if __name__ == "__main__":
    set_up_logs()
    asyncio.run(main())

"""``python -m sandbox.cluster --port 7443 --kubeconfig .sandbox/kubeconfig``: the seeded stand-in until Ctrl-C."""

import argparse
import asyncio
import signal
from pathlib import Path

from sandbox.cluster import HUMAN, StandInCluster


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sandbox.cluster", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--kubeconfig", type=Path, help="where to write a kubeconfig")
    parser.add_argument("--speed", type=float, default=1.0, help="how many times faster than human pods start")
    parser.add_argument("--empty", action="store_true", help="do not seed the platform")
    return parser.parse_args()


async def run(arguments: argparse.Namespace) -> None:
    """Serves until SIGINT or SIGTERM."""
    cluster = StandInCluster(pace=HUMAN.scaled(1 / arguments.speed), port=arguments.port)
    if not arguments.empty:
        cluster.seed()
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with cluster:
        if arguments.kubeconfig:
            cluster.kubeconfig(arguments.kubeconfig)
        print(f"cluster ready: {cluster.url}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(run(_arguments()))

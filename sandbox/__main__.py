"""``python -m sandbox``: the whole platform on this machine, until Ctrl-C."""

import asyncio
import os
import shutil
import signal
import sys
from pathlib import Path

from domain.errors import PermanentError, TemporaryError
from sandbox.bot import BotDied
from sandbox.endpoints import Endpoints
from sandbox.monitoring import ProgramDidNotStart
from sandbox.platform import CannotStart, SandboxSettings, load_sandbox_settings, open_sandbox
from sandbox.real_cluster import SeedingFailed
from sandbox.slack.server import LocalSlackDidNotStart
from sandbox.tools import MissingTool

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STARTUP_ERRORS = (
    *(CannotStart, MissingTool, BotDied, ProgramDidNotStart, SeedingFailed, LocalSlackDidNotStart),
    *(PermanentError, TemporaryError, OSError),
)
"""What a sentence explains better than a traceback."""
INSTRUCTIONS = """
  Two windows, two people (you can also choose whom to "Act as" at the top right):

      {slack}/?as=ana&in=production      a deployer
      {slack}/?as=mia&in=production      an approver

  As ana, in #production:

      /deepecho rollback production abc1234 --reason "errors since yesterday"

  As mia: press Approve. Watch the card count pods; its thread says who, what and when. Others to try:

      /deepecho                       what you may do here, now
      /deepecho status production     what runs
      /deepecho rollback prod         a form opens for what is missing
      /deepecho deploy staging main-e0f9a31
      /deepecho restart dev main      no approval needed in development
      /deepecho deploy dev crash-0000001 main     pods that do not come up, with their last lines
      /deepecho dash prod main --panel p95        a panel and its picture; deploys are marked in {grafana}
      /deepecho digest production     the morning's digest as it would be now; on weekdays at 08:00 UTC it comes to #ops
{alerts}
  The phone of lee, who is on call this week (on a phone: the same address through an SSH tunnel):

      {phone}

  Kill the bot in the middle of it (kill -9 $(cat {folder}/bot.pid)); it is started again and goes on.
  Its log: {folder}/bot.log. All addresses: {folder}/endpoints.json. The cluster:

      {kubectl} --kubeconfig {kubeconfig} get pods --namespace deep-echo-prod

  Ctrl-C stops everything.
"""
ALERT_INSTRUCTIONS = """
  A version that should not have been deployed:

      /deepecho deploy production main-bad5eed main --reason "try it"

  As mia: press Approve. Some twenty seconds later there is an alert: {slack}/?as=mia&in=alerts-critical
  What measures and what alerts: {prometheus}/alerts and {alertmanager}
  Watch what happens when no alert can arrive any more: kill $(cat {folder}/prometheus/prometheus.pid)
"""


async def main() -> None:
    """Open everything, say where it is, and close everything at Ctrl-C or SIGTERM."""
    _cancel_on_signal()
    _bypass_proxy_for_loopback()
    chosen = load_sandbox_settings()
    print("starting the local Slack, the cluster, the bot and what raises alerts", flush=True)
    async with open_sandbox(chosen) as endpoints:
        print_instructions(endpoints, chosen)
        await asyncio.Event().wait()


def _cancel_on_signal() -> None:
    """The first one cancels, even while things are being opened. A second would leave some of them behind: it changes nothing."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def stop() -> None:
        for stop_signal in STOP_SIGNALS:
            loop.add_signal_handler(stop_signal, lambda: None)
        print("\nstopping", flush=True)
        if task is not None:
            task.cancel()

    for stop_signal in STOP_SIGNALS:
        if (
            signal.getsignal(stop_signal) is not signal.SIG_IGN or stop_signal is not signal.SIGHUP
        ):  # `nohup` wants it to outlive its terminal
            loop.add_signal_handler(stop_signal, stop)


def _bypass_proxy_for_loopback() -> None:
    """A proxy of this machine is for npm and for real clusters; it cannot know what listens here."""
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), "127.0.0.1")))


def print_instructions(endpoints: Endpoints, chosen: SandboxSettings) -> None:
    """What to try, and the line that scripts wait for."""
    beside_python = Path(sys.executable).with_name("kubectl")
    kubectl = _short(beside_python) if beside_python.exists() and not shutil.which("kubectl") else "kubectl"
    kubeconfig = _short(Path(endpoints.kubernetes["kubeconfig"]))
    urls = {"slack": endpoints.slack, "phone": endpoints.pagerduty["phone"], "grafana": endpoints.grafana}
    urls |= {"folder": str(_short(chosen.folder))}
    alerts = ALERT_INSTRUCTIONS.format(prometheus=endpoints.prometheus, alertmanager=endpoints.alertmanager, **urls)
    print(INSTRUCTIONS.format(alerts=alerts if endpoints.prometheus else "", kubectl=kubectl, kubeconfig=kubeconfig, **urls))
    print(f"sandbox ready: {endpoints.slack}", flush=True)


def first_error(problems: BaseExceptionGroup[Exception]) -> BaseException:
    """The first of several problems; the others usually follow from it."""
    first = problems.exceptions[0]
    return first_error(first) if isinstance(first, BaseExceptionGroup) else first


def _short(path: Path) -> Path:
    """The path as a person in this folder would type it."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


if __name__ == "__main__":
    os.umask(0o077)  # tokens are in the files, and what people write
    try:
        asyncio.run(main())
    except* asyncio.CancelledError:
        sys.exit(0)
    except* STARTUP_ERRORS as problems:
        sys.exit(f"The sandbox could not start. {first_error(problems)}")

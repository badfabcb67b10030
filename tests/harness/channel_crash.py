"""A process that sets an incident's channel up and ends itself with SIGKILL at one point of one step.

Its database, Slack and point are arguments: ``URL API_URL TOKEN STEP/POINT MINUTES``. ``MINUTES`` is added to its clock, so that
the next process need not wait until the first one counts as dead.
"""

import asyncio
import os
import signal
import sys
from datetime import timedelta

from bot.slack.api import SlackApi, open_session
from bot.slack.channels import SlackChannels
from storage.engines import open_engines
from storage.store import Store
from tests.harness.fakes.clock import StoppedClock
from tests.harness.incident_channels import IncidentChannelHarness


class KillAtPoint:
    """An observer that ends the process at its point, the first time."""

    def __init__(self, point: str) -> None:
        self._point = point

    def __call__(self, _incident: str, step: str, point: str, /) -> None:
        if f"{step}/{point}" == self._point:
            os.kill(os.getpid(), signal.SIGKILL)


async def main(database: str, api_url: str, token: str, point: str, minutes: str) -> None:
    clock = StoppedClock()
    clock.advance(timedelta(minutes=int(minutes)))
    store = Store(open_engines(database))
    async with open_session(api_url) as session:
        api = SlackChannels(SlackApi(token, session, base_url=api_url))
        await IncidentChannelHarness(store, api, clock, KillAtPoint(point)).run_due()
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

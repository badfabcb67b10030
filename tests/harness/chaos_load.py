"""A mixed load for a bot that is killed meanwhile: commands, clicks, notifications, faults of Slack and the cluster."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

import aiohttp

from sandbox.cluster.control import ClusterFault
from sandbox.slack import SlackCallRefused
from tests.harness.crash import CrashHarness

WEBHOOK_TOKEN = "a-token-for-the-webhook"
SERVICES = ("main", "cognitive", "load-balancer", "cache")
VERSIONS = ("main-51d2c44", "main-9f00d12", "main-abc1234", "bad-1234567")
ALERT_NAMES = tuple(f"Chaos{number}" for number in range(12))
RETRY_SECONDS = 0.3
"""Alertmanager sends again until it is answered with 200."""
AFTER_AN_ERROR = (0.5, 1.5)
"""Seconds that a person waits after Slack's error before the next command."""
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SentCommand:
    """A command that asks for an operation; ``reason`` tells it from all others. ``acknowledged``: Slack showed no error."""

    reason: str
    acknowledged: bool


@dataclass(slots=True)
class ChaosLoad:
    """Each ``run_`` is one kind of load and lasts until ``stop``."""

    harness: CrashHarness
    webhook: str
    random: Random
    commands: list[SentCommand] = field(default_factory=list)
    clicks: int = 0
    notifications: int = 0
    faults: int = 0
    alerts_firing: dict[str, bool] = field(default_factory=dict)
    """What the last notification of each alert that was taken with 200 said."""
    _started_at: dict[str, str] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def acknowledged(self) -> int:
        """Commands that the bot has taken."""
        return sum(each.acknowledged for each in self.commands)

    def stop(self) -> None:
        self._stopping.set()

    async def run_commands(self) -> None:
        """People ask for operations, and for answers in between."""
        slack = self.harness.slack.client
        pause = (0.1, 0.5)
        while not await self._pause(*pause):
            reason = f"chaos {len(self.commands)}"
            answer = await slack.command("ana", f'{self._command()} --reason "{reason}"', channel="deploys")
            self.commands.append(SentCommand(reason, bool(answer["answered"])))
            pause = (0.1, 0.5) if answer["answered"] else AFTER_AN_ERROR
            if self.random.random() < 0.2:
                await slack.command("mia", self.random.choice(["status production", "ops", "audit", "stauts"]), channel="deploys")

    def _command(self) -> str:
        service = self.random.choice(SERVICES)
        # Where nobody has to approve, an operation soon makes room for the next one of its service.
        environment = self.random.choice([*["development"] * 4, "staging", "production"])
        return self.random.choice(
            [
                *[f"restart {environment} {service}"] * 3,
                f"scale {environment} {service} {self.random.randint(1, 4)}",
                f"deploy {environment} {self.random.choice(VERSIONS)} {service}",
                f"rollback {environment} last {service}",
            ]
        )

    async def run_clicks(self) -> None:
        """Mia decides what waits, once or twice; now and then somebody stops what runs."""
        while not await self._pause(0.2, 0.8):
            await self.click_once()

    async def click_once(self) -> None:
        """Click a button of some card that has one."""
        slack = self.harness.slack.client
        cards = [each for each in await slack.all_messages_everywhere() if {"Approve", "Stop"} & {*each.buttons}]
        if not cards:
            return
        card = self.random.choice(cards)
        label = "Stop" if "Stop" in card.buttons else "Reject" if self.random.random() < 0.2 else "Approve"
        if label == "Stop" and self.random.random() < 0.7:
            return
        for _ in range(self.random.choice([1, 1, 2])):
            try:
                await slack.press("mia", card, label)
            except SlackCallRefused:
                return  # the card has changed since
            self.clicks += 1

    async def run_notifications(self) -> None:
        """One Alertmanager: each alert fires and ends in turns, and each notification is sent until it is taken."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            while not await self._pause(0.1, 0.5):
                name = self.random.choice(ALERT_NAMES)
                firing = not self.alerts_firing.get(name, False)
                if firing:
                    self._started_at[name] = datetime.now(UTC).isoformat()
                body = _notification(name, self._started_at[name], firing=firing)
                while not await self._post(session, body):
                    await asyncio.sleep(RETRY_SECONDS)
                self.alerts_firing[name] = firing
                self.notifications += 1

    async def _post(self, session: aiohttp.ClientSession, body: Json) -> bool:
        headers = {"Authorization": f"Bearer {WEBHOOK_TOKEN}"}
        try:
            async with session.post(self.webhook, json=body, headers=headers) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    async def run_faults(self) -> None:
        """Slack and the cluster fail in their ways."""
        acts = self._faults()
        while not await self._pause(0.3, 1.2):
            await self.random.choice(acts)()
            self.faults += 1

    def _faults(self) -> Sequence[Callable[[], Awaitable[None]]]:
        faults, sockets = self.harness.slack.client.faults, self.harness.slack.client.sockets
        methods = ("chat.postMessage", "chat.update", "response_url", "users.info")

        def fault(kind: str) -> Callable[[], Awaitable[None]]:
            return lambda: faults.add(self.random.choice(methods), kind)

        async def cluster(fault: ClusterFault) -> None:
            self.harness.stand_in.inject_fault(fault)

        return [
            *(fault(kind) for kind in ("429", "500", "503", "drop_after", "500_after", "slow:1")),
            sockets.drop,
            sockets.repeat,
            sockets.disconnect,
            lambda: cluster(ClusterFault(kind="status", status=503, path_prefix="/apis/apps/v1")),
            lambda: cluster(ClusterFault(kind="drop", path_prefix="/api")),
            lambda: cluster(ClusterFault(kind="fail_after_apply", path_prefix="/apis/apps/v1", method="PATCH")),
        ]

    async def _pause(self, least: float, most: float) -> bool:
        """Wait for a random time. Returns whether the load is to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), self.random.uniform(least, most))
        except TimeoutError:
            return False
        return True


def _notification(name: str, started_at: str, *, firing: bool) -> Json:
    alert = {
        "status": "firing" if firing else "resolved",
        "labels": {"alertname": name, "environment": "production", "severity": "warning"},
        "annotations": {"summary": f"{name} is bad"},
        "startsAt": started_at,
        "endsAt": "0001-01-01T00:00:00Z" if firing else datetime.now(UTC).isoformat(),
        "generatorURL": "",
        "fingerprint": name.lower(),
    }
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{name}"}}',
        "truncatedAlerts": 0,
        "status": alert["status"],
        "receiver": "deepecho",
        "groupLabels": {"alertname": name},
        "commonLabels": alert["labels"],
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": [alert],
    }

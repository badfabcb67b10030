"""Windows in the whole process: measured at the begin and after the end, beside the timers of everybody else."""

import asyncio
from datetime import timedelta

import yaml

from bot.components.maintenance import check_jobs
from bot.core.catalogue_file import CatalogueFile
from domain.health import HealthCheck, HealthLine
from sandbox.cluster.control import ClusterFault
from storage.maintenance import MaintenanceRepository
from tests.harness.bot import BotHarness
from tests.harness.wait import wait_until


def allow_anytime(harness: BotHarness) -> None:
    data = yaml.safe_load(harness.catalogue.read_text())
    for environment in data["environments"].values():
        environment.pop("maintenance", None)
    harness.catalogue.write_text(yaml.safe_dump(data))


async def test_a_measurement_that_takes_long_keeps_no_other_window_from_its_begin(harness: BotHarness) -> None:
    asked, answers = asyncio.Event(), asyncio.Event()

    async def hang(_environment: str) -> tuple[HealthLine, ...]:
        asked.set()
        await answers.wait()
        return ()

    allow_anytime(harness)
    people = harness.slack.client
    async with harness.run_bot() as bot:
        bot.core.health.checks.append(HealthCheck(name="slow", run=hang, timeout=timedelta(seconds=35)))
        await people.command("ana", 'maintenance plan staging "first work"', channel="deploys")
        await asyncio.wait_for(asked.wait(), 30)
        await people.command("ana", 'maintenance plan development "second work"', channel="deploys")
        await people.wait_for_message(lambda message: "second work" in message.visible_text and "running" in message.visible_text)
        assert not answers.is_set()
        answers.set()
        first = await people.wait_for_message(
            lambda message: "first work" in message.visible_text and "running" in message.visible_text
        )

        async def is_measured() -> bool:
            async with bot.core.store.read() as tx:
                windows = await tx.of(MaintenanceRepository).open()
            return all(each.health_before is not None for each in windows)

        await wait_until(is_measured)
        await people.press("ana", first, "End")
        await people.wait_for_message(lambda message: "Report: first work took" in message.visible_text)


async def test_the_check_says_whether_cron_jobs_are_there_and_their_jobs_may_be_listed(harness: BotHarness) -> None:
    settings, catalogue = harness.settings(), CatalogueFile(harness.catalogue).current
    found = [each async for each in check_jobs(settings, catalogue)]
    assert {each.detail for each in found if each.ok} == {"CronJob postgres-backup is there", "CronJob smoke-test is there"}
    path = "/apis/batch/v1/namespaces/deep-echo-staging/jobs"
    harness.stand_in.inject_fault(ClusterFault(kind="status", status=403, times=10, path_prefix=path))
    refused = [each async for each in check_jobs(settings, catalogue) if not each.ok]
    assert [each.name for each in refused] == ["backup of staging", "verification of staging"]
    assert all("needs the verb list on jobs.batch" in each.detail for each in refused)

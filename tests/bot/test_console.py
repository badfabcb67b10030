"""The console: what it prints, how it ends, and that signals are heard."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from storage.engines import open_engines
from storage.schema_revision import expected_revision
from storage.store import Store
from tests.bench.processes import SWITCHED_OFF, resident_mib
from tests.harness.bot import Stage
from tests.harness.fakes.scripted_web import Answer, scripted_web
from tests.harness.wait import until

LARGEST_MIB = 120
"""Of a process that nobody asks anything, whatever the machine; ``make bench`` measures it against 110."""


@dataclass(frozen=True, slots=True)
class Ended:
    code: int | None
    out: str
    err: str


async def console(environment: dict[str, str], *words: str) -> Ended:
    """Run one command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=_clean() | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return Ended(process.returncode, out.decode(), err.decode())


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DEEPECHO_")}


@dataclass
class Running:
    process: asyncio.subprocess.Process
    log: Path
    url: str = ""

    def said(self) -> str:
        return self.log.read_text()


@asynccontextmanager
async def run(stage: Stage, *words: str) -> AsyncIterator[Running]:
    """``deepecho run`` as a process of its own, ready."""
    log = stage.folder / "bot.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "run", *words), env=_clean() | stage.environment(), stdout=out, stderr=out
        )
    running = Running(process, log)
    try:
        await until(lambda: '"running"' in running.said() or process.returncode is not None, within=30)
        port = re.search(r'"port": (\d+)', running.said())
        assert port, running.said()
        running.url = f"http://127.0.0.1:{port[1]}"
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_sigterm_stops_it_cleanly_in_under_five_seconds(stage: Stage) -> None:
    async with run(stage) as bot:
        await stage.slack.client.wait_for_bot()
        async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/readyz") as response:
            assert response.status == 200
        started = time.monotonic()
        bot.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await bot.process.wait() == 0
        assert time.monotonic() - started < 5
        assert '"stopping"' in bot.said()
        assert "Traceback" not in bot.said()
        assert (await stage.slack.client.sockets.status())["connections"] == 0


async def test_sighup_reads_the_catalogue_again_all_or_nothing(stage: Stage) -> None:
    async with run(stage) as bot:
        text = stage.catalogue.read_text()
        stage.catalogue.write_text(text.replace("protected: true", "protected: maybe"))
        bot.process.send_signal(signal.SIGHUP)
        await until(lambda: "the old one holds" in bot.said())
        assert "environments.production.protected" in bot.said()
        stage.catalogue.write_text(text.replace("protected: true", "protected: false"))
        bot.process.send_signal(signal.SIGHUP)
        await until(lambda: "environments.production.protected: True → False" in bot.said())


async def test_no_second_process_on_the_same_file(stage: Stage) -> None:
    async with run(stage):
        second = await console(stage.environment(), "run")
        assert second.code == 1
        assert "Another deepecho uses" in second.err
        assert "Traceback" not in second.err
        migrated = await console(stage.environment(), "migrate")
        assert (migrated.code, "Stop it first" in migrated.err) == (1, True)


async def test_a_database_that_was_never_migrated_is_refused_in_words(stage: Stage) -> None:
    (stage.folder / "deepecho.db").unlink()
    refused = await console(stage.environment(), "run")
    assert refused.code == 1
    assert (
        refused.err.splitlines()[-1]
        == f"The database is empty; this version needs {expected_revision()}. Run `deepecho migrate` first."
    )
    async with run(stage, "--migrate") as bot:
        assert f"The database is at {expected_revision()}." in bot.said()


async def test_what_is_not_set_is_named_and_nothing_starts() -> None:
    refused = await console({}, "run")
    assert (refused.code, refused.err) == (2, "DEEPECHO_SLACK__BOT_TOKEN is not set.\n")


async def test_a_broken_catalogue_is_named(stage: Stage) -> None:
    stage.catalogue.write_text("workspaces: [")
    refused = await console(stage.environment(), "run")
    assert refused.code == 1
    assert refused.err.startswith(f"{stage.catalogue}, line 1: ")


async def test_check_says_one_line_for_each_thing(stage: Stage) -> None:
    good = await console(stage.environment(), "check")
    assert good.code == 0, good.out
    lines = good.out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    named = {line[4:44].strip(): line[45:] for line in lines}
    assert {"slack", "slack socket", "database", "catalogue", "cluster production"} <= named.keys()
    assert named["slack"] == "deepecho in Deep Echo (T0DEEPECHO)"
    assert named["cluster production/deep-echo-prod"] == "everything the commands need is permitted"


async def test_check_goes_on_past_what_is_bad_and_fails(stage: Stage) -> None:
    (stage.folder / "deepecho.db").unlink()
    (stage.folder / "kubeconfig").write_text("nothing: here\n")
    bad = await console(stage.environment() | {"DEEPECHO_SLACK__BOT_TOKEN": "xoxb-wrong"}, "check")
    assert bad.code == 1
    said = {line[4:44].strip(): line for line in bad.out.splitlines()}
    assert said["slack"].startswith("BAD")
    assert said["database"].endswith("run `deepecho migrate`")
    assert said["catalogue"].startswith("ok ")
    assert said["cluster production"].startswith("BAD")
    assert "xoxb-wrong" not in bad.out + bad.err


async def test_the_audit_log_is_walked_and_the_first_broken_link_named(stage: Stage) -> None:
    async with stage.bot():
        await stage.slack.client.command("ana", "restart staging deep-echo-main", channel="staging")
        await stage.slack.client.wait_for_message(lambda m: "verified" in m.words.lower(), channel="staging")
    whole = await console(stage.environment(), "audit", "verify")
    assert (whole.code, whole.out) == (0, "The audit log holds: 2 records, each following from the one before.\n")
    store = Store(open_engines(stage.database))
    async with store.engines.write.begin() as connection:
        await connection.exec_driver_sql("UPDATE audit SET why = 'something else' WHERE number = 2")
    await store.close()
    broken = await console(stage.environment(), "audit", "verify")
    assert (broken.code, broken.out) == (1, "The audit log is broken at record 2: its contents were changed.\n")


@contextmanager
def alerts_at(stage: Stage, prometheus: str, alertmanager: str, **more: str) -> Iterator[dict[str, str]]:
    """The catalogue names these for production and staging, and a token is set."""
    data = yaml.safe_load(stage.catalogue.read_text())
    for name in ("staging", "production"):
        data["environments"][name] |= {"prometheus": prometheus, "alertmanager": alertmanager}
    data["alerts"] = {"default": {"channel": "C0ALERTS01", "severity": "P3"}}
    stage.catalogue.write_text(yaml.safe_dump(data))
    yield stage.environment() | {"DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": "s3cret-s3cret-s3cret"} | more


async def test_check_asks_every_prometheus_and_alertmanager_once(stage: Stage) -> None:
    async with scripted_web() as web:
        web.by_name = {
            "buildinfo": Answer({"status": "success", "data": {"version": "2.42.0"}}),
            "status": Answer({"versionInfo": {"version": "0.25.0"}}),
        }
        with alerts_at(stage, web.url, web.url) as environment:
            good = await console(environment, "check")
    assert good.code == 0, good.out
    named = {line[4:44].strip(): line[45:] for line in good.out.splitlines()}
    assert named["prometheus of production, staging"] == f"2.42.0 at {web.url}"
    assert named["alertmanager of production, staging"] == f"0.25.0 at {web.url}"
    assert named["alerts"] == "taken at /webhooks/alertmanager"
    assert [each.name for each in web.asked] == ["buildinfo", "status"]


async def test_check_names_the_monitors_that_do_not_answer_and_goes_on(stage: Stage) -> None:
    async with scripted_web() as web:
        web.by_name = {"buildinfo": Answer("<html>", 404), "status": Answer("no", 403)}
        with alerts_at(stage, web.url, web.url) as environment:
            bad = await console(environment, "check")
        with alerts_at(stage, "http://127.0.0.1:9", "http://127.0.0.1:9") as environment:
            away = await console(environment, "check")
    for ended in (bad, away):
        said = {line[4:44].strip(): line for line in ended.out.splitlines()}
        assert ended.code == 1
        assert said["prometheus of production, staging"].startswith("BAD")
        assert said["alertmanager of production, staging"].startswith("BAD")
        assert said["alerts"].startswith("ok ")
        assert "Traceback" not in ended.out + ended.err
        assert "s3cret" not in ended.out + ended.err
    assert "cannot be reached" in away.out


async def test_check_says_which_half_of_the_alerts_is_missing(stage: Stage) -> None:
    with alerts_at(stage, "", "") as environment:
        del environment["DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN"]
        routes_alone = await console(environment, "check")
    assert routes_alone.code == 1
    assert "not taken: DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN is not set" in routes_alone.out


async def test_before_anybody_asks_nothing_heavy_is_loaded(stage: Stage) -> None:
    """Not even where alerts are switched on: the library that draws and the one for Prometheus come with the first chart."""
    program = (
        "import asyncio, sys\n"
        "from bot.core.settings import load_settings\n"
        "from bot.wiring import running\n"
        "async def main():\n"
        "    async with running(load_settings()):\n"
        f"        print(*(name for name in {SWITCHED_OFF!r} if name in sys.modules))\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env=_clean() | stage.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert (process.returncode, out.decode().splitlines()[-1]) == (0, ""), err.decode()


async def test_an_idle_process_stays_small(stage: Stage) -> None:
    async with run(stage) as bot:
        await stage.slack.client.wait_for_bot()
        assert resident_mib(bot.process.pid) < LARGEST_MIB

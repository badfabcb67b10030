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
from tests.bench.processes import AS_INSTALLED, SWITCHED_OFF, resident_mib
from tests.harness.bot import BotHarness
from tests.harness.fakes.scripted_web import ScriptedResponse, scripted_web
from tests.harness.wait import wait_until

MAX_RSS_MIB = 132
"""Of a process that nobody asks anything, whatever the machine, with everything switched on; ``make bench`` measures it against
110. The families are code and no libraries: decisions 0013, 0017 and 0020 have what they cost. A library that creeps in is more.
"""


@dataclass(frozen=True, slots=True)
class CompletedCommand:
    code: int | None
    out: str
    err: str


async def console(environment: dict[str, str], *words: str) -> CompletedCommand:
    """Run one command to its end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words),
        env=_clean() | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    return CompletedCommand(process.returncode, out.decode(), err.decode())


def _clean() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("DEEPECHO_")}


@dataclass
class RunningProcess:
    process: asyncio.subprocess.Process
    log: Path
    url: str = ""

    def said(self) -> str:
        return self.log.read_text()


@asynccontextmanager
async def run(harness: BotHarness, *words: str, program: tuple[str, ...] = ("-m", "bot", "run")) -> AsyncIterator[RunningProcess]:
    """``deepecho run`` as a process of its own, ready."""
    log = harness.folder / "bot.log"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *program, *words), env=_clean() | harness.environment(), stdout=out, stderr=out
        )
    running = RunningProcess(process, log)
    try:
        await wait_until(lambda: '"bot running"' in running.said() or process.returncode is not None, within=30)
        port = re.search(r'"port": (\d+)', running.said())
        assert port, running.said()
        running.url = f"http://127.0.0.1:{port[1]}"
        yield running
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_sigterm_stops_it_cleanly_in_under_five_seconds(harness: BotHarness) -> None:
    async with run(harness) as bot:
        await harness.slack.client.wait_for_bot()
        async with aiohttp.ClientSession() as session, session.get(f"{bot.url}/readyz") as response:
            assert response.status == 200
        started = time.monotonic()
        bot.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            assert await bot.process.wait() == 0
        assert time.monotonic() - started < 5
        assert '"bot stopping"' in bot.said()
        assert "Traceback" not in bot.said()
        assert (await harness.slack.client.sockets.status())["connections"] == 0


async def test_sighup_reads_the_catalogue_again_all_or_nothing(harness: BotHarness) -> None:
    async with run(harness) as bot:
        text = harness.catalogue.read_text()
        harness.catalogue.write_text(text.replace("protected: true", "protected: maybe"))
        bot.process.send_signal(signal.SIGHUP)
        await wait_until(lambda: "catalogue reload failed" in bot.said())
        assert "environments.production.protected" in bot.said()
        harness.catalogue.write_text(text.replace("protected: true", "protected: false"))
        bot.process.send_signal(signal.SIGHUP)
        await wait_until(lambda: "environments.production.protected: True → False" in bot.said())


async def test_no_second_process_on_the_same_file(harness: BotHarness) -> None:
    async with run(harness):
        second = await console(harness.environment(), "run")
        assert second.code == 1
        assert "Another deepecho uses" in second.err
        assert "Traceback" not in second.err
        migrated = await console(harness.environment(), "migrate")
        assert (migrated.code, "Stop it first" in migrated.err) == (1, True)


async def test_nobody_else_can_read_the_files(harness: BotHarness) -> None:
    """Those that are there already, too: an earlier version, or a careless copy, left them open to all."""
    (harness.folder / "deepecho.db").chmod(0o644)
    async with run(harness):
        files = sorted(harness.folder.glob("deepecho.db*"))
        assert {each.name for each in files} >= {"deepecho.db", "deepecho.db-wal", "deepecho.db.lock", "deepecho.db-workflows"}
        assert {each.name: oct(each.stat().st_mode & 0o777) for each in files} == {each.name: "0o600" for each in files}


async def test_a_database_that_was_never_migrated_is_refused_in_words(harness: BotHarness) -> None:
    (harness.folder / "deepecho.db").unlink()
    refused = await console(harness.environment(), "run")
    assert refused.code == 1
    assert refused.err.splitlines()[-1] == (
        f"There is no database file {harness.folder}/deepecho.db. "
        "Run `deepecho migrate`, which makes it; or name another with DEEPECHO_DATABASE_URL."
    )
    async with run(harness, "--migrate") as bot:
        assert f"The database is at {expected_revision()}." in bot.said()


async def test_a_database_that_cannot_be_used_is_a_sentence_for_every_command(harness: BotHarness) -> None:
    (harness.folder / "deepecho.db").write_text("To whom it may concern\n" * 100)
    for words in (("run",), ("migrate",), ("audit", "verify")):
        refused = await console(harness.environment(), *words)
        assert refused.code == 1
        assert refused.err.splitlines()[-1] == (
            f"{harness.folder}/deepecho.db is not an SQLite database. "
            "Move it away, or name another file with DEEPECHO_DATABASE_URL."
        )
        assert "Traceback" not in refused.err


async def test_a_folder_that_cannot_be_made_is_named(harness: BotHarness) -> None:
    (harness.folder / "file").touch()
    environment = harness.environment() | {"DEEPECHO_DATABASE_URL": f"sqlite:///{harness.folder}/file/deepecho.db"}
    refused = await console(environment, "migrate")
    assert refused.code == 1
    assert refused.err.startswith(f"The folder {harness.folder}/file of the database cannot be written to by user ")


async def test_what_is_not_set_is_named_and_nothing_starts() -> None:
    refused = await console({}, "run")
    assert (refused.code, refused.err) == (2, "DEEPECHO_SLACK__BOT_TOKEN is not set.\n")


async def test_a_broken_catalogue_is_named(harness: BotHarness) -> None:
    harness.catalogue.write_text("workspaces: [")
    refused = await console(harness.environment(), "run")
    assert refused.code == 1
    assert refused.err.startswith(f"{harness.catalogue}, line 1: ")


async def test_check_says_one_line_for_each_thing(harness: BotHarness) -> None:
    good = await console(harness.environment(), "check")
    assert good.code == 0, good.out
    lines = good.out.splitlines()
    assert all(line.startswith("ok ") for line in lines)
    named = {line[5:45].strip(): line[46:] for line in lines}
    assert {"slack", "slack socket", "database", "catalogue", "cluster production"} <= named.keys()
    assert named["slack"] == "deepecho in Deep Echo (T0DEEPECHO)"
    assert "; its " in named["cluster production"]
    assert "when it ends" in named["cluster production"]
    assert named["cluster production/deep-echo-prod"] == "everything the commands need is permitted"


async def test_check_goes_on_past_what_is_bad_and_fails(harness: BotHarness) -> None:
    (harness.folder / "deepecho.db").unlink()
    (harness.folder / "kubeconfig").write_text("nothing: here\n")
    bad = await console(harness.environment() | {"DEEPECHO_SLACK__BOT_TOKEN": "xoxb-wrong"}, "check")
    assert bad.code == 1
    said = {line[5:45].strip(): line for line in bad.out.splitlines()}
    assert said["slack"].startswith("FAIL")
    assert f"There is no database file {harness.folder}/deepecho.db. Run `deepecho migrate`" in said["database"]
    assert not (harness.folder / "deepecho.db").exists()
    assert said["catalogue"].startswith("ok ")
    assert said["cluster production"].startswith("FAIL")
    assert "xoxb-wrong" not in bad.out + bad.err


async def test_the_audit_log_is_walked_and_the_first_broken_link_named(harness: BotHarness) -> None:
    async with harness.run_bot():
        await harness.slack.client.command("ana", "restart staging deep-echo-main", channel="staging")
        await harness.slack.client.wait_for_message(lambda m: "verified" in m.visible_text.lower(), channel="staging")
    whole = await console(harness.environment(), "audit", "verify")
    assert (whole.code, whole.out) == (0, "The audit log holds: 2 records, each following from the one before.\n")
    store = Store(open_engines(harness.database))
    async with store.engines.write.begin() as connection:
        await connection.exec_driver_sql("UPDATE audit SET why = 'something else' WHERE number = 2")
    await store.close()
    broken = await console(harness.environment(), "audit", "verify")
    assert (broken.code, broken.out) == (1, "The audit log is broken at record 2: its contents were changed.\n")


@contextmanager
def alerts_at(harness: BotHarness, prometheus: str, alertmanager: str, **more: str) -> Iterator[dict[str, str]]:
    """The catalogue names these for production and staging, and a token is set."""
    data = yaml.safe_load(harness.catalogue.read_text())
    for name in ("staging", "production"):
        data["environments"][name] |= {"prometheus": prometheus, "alertmanager": alertmanager}
    data["alerts"] = {"default": {"channel": "C0ALERTS01", "severity": "P3"}}
    harness.catalogue.write_text(yaml.safe_dump(data))
    yield harness.environment() | {"DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN": "s3cret-s3cret-s3cret"} | more


async def test_check_asks_every_prometheus_and_alertmanager_once(harness: BotHarness) -> None:
    async with scripted_web() as web:
        web.by_name = {
            "buildinfo": ScriptedResponse({"status": "success", "data": {"version": "2.42.0"}}),
            "status": ScriptedResponse({"versionInfo": {"version": "0.25.0"}}),
        }
        with alerts_at(harness, web.url, web.url) as environment:
            good = await console(environment, "check")
    assert good.code == 0, good.out
    named = {line[5:45].strip(): line[46:] for line in good.out.splitlines()}
    assert named["prometheus of production, staging"] == f"2.42.0 at {web.url}"
    assert named["alertmanager of production, staging"] == f"0.25.0 at {web.url}"
    assert named["alerts"] == "taken at /webhooks/alertmanager"
    assert [each.name for each in web.requests] == ["buildinfo", "status"]


async def test_check_names_the_monitors_that_do_not_answer_and_goes_on(harness: BotHarness) -> None:
    async with scripted_web() as web:
        web.by_name = {"buildinfo": ScriptedResponse("<html>", 404), "status": ScriptedResponse("no", 403)}
        with alerts_at(harness, web.url, web.url) as environment:
            bad = await console(environment, "check")
        with alerts_at(harness, "http://127.0.0.1:9", "http://127.0.0.1:9") as environment:
            away = await console(environment, "check")
    for ended in (bad, away):
        said = {line[5:45].strip(): line for line in ended.out.splitlines()}
        assert ended.code == 1
        assert said["prometheus of production, staging"].startswith("FAIL")
        assert said["alertmanager of production, staging"].startswith("FAIL")
        assert said["alerts"].startswith("ok ")
        assert "Traceback" not in ended.out + ended.err
        assert "s3cret" not in ended.out + ended.err
    assert "cannot be reached" in away.out


async def test_check_says_which_half_of_the_alerts_is_missing(harness: BotHarness) -> None:
    with alerts_at(harness, "", "") as environment:
        del environment["DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN"]
        routes_alone = await console(environment, "check")
    assert routes_alone.code == 1
    assert "not taken: DEEPECHO_WEBHOOKS__ALERTMANAGER_TOKEN is not set" in routes_alone.out


async def test_before_anybody_asks_nothing_heavy_is_loaded(harness: BotHarness) -> None:
    """Not even where alerts are switched on: the library that draws and the one for Prometheus come with the first chart."""
    program = (
        "import asyncio, sys\n"
        "from bot.core.settings import load_settings\n"
        "from bot.wiring import run_bot\n"
        "async def main():\n"
        "    async with run_bot(load_settings()):\n"
        f"        print(*(name for name in {SWITCHED_OFF!r} if name in sys.modules))\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program),
        env=_clean() | harness.environment(),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert (process.returncode, out.decode().splitlines()[-1]) == (0, ""), err.decode()


async def test_an_idle_process_stays_small(harness: BotHarness) -> None:
    async with run(harness, program=("-c", AS_INSTALLED)) as bot:
        await harness.slack.client.wait_for_bot()
        assert resident_mib(bot.process.pid) < MAX_RSS_MIB

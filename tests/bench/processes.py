"""Fresh processes: how long they take to start, how much they hold, what they have imported."""

import asyncio
import os
import re
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import yaml

from storage.migrate import migrate
from tests.harness.samples.team import catalogue_data

BARE = "import slack_bolt.async_app, aiohttp.web, sqlalchemy.ext.asyncio, dbos; print('imported', flush=True)"
AS_INSTALLED = "import sys; sys.modules['rich'] = None; from bot.__main__ import main; sys.exit(main(['run']))"
"""``rich`` comes with import-linter, which no installed bot has; where it is there, structlog imports it: 3 MiB."""

SWITCHED_OFF = (
    "kubernetes_asyncio",
    "aioboto3",
    "aiosmtplib",
    "botocore",
    "prometheus_api_client",
    "requests",
    "matplotlib",
    "numpy",
    "alembic",
)


@dataclass(frozen=True, slots=True)
class Home:
    """A migrated database and a catalogue, as an installed bot has them."""

    folder: Path
    environment: dict[str, str]


async def make_home(folder: Path, api_url: str) -> Home:
    """Everything that the bot finds when it starts."""
    url = f"sqlite+aiosqlite:///{folder / 'deepecho.sqlite'}"
    await migrate(url)
    catalogue = folder / "deepecho.yaml"
    catalogue.write_text(yaml.safe_dump(catalogue_data()))
    return Home(
        folder,
        clean_environment()
        | {
            "DEEPECHO_SLACK__BOT_TOKEN": "xoxb-bench",
            "DEEPECHO_SLACK__APP_TOKEN": "xapp-bench",
            "DEEPECHO_SLACK__API_URL": api_url,
            "DEEPECHO_DATABASE_URL": url,
            "DEEPECHO_CATALOGUE": str(catalogue),
            "DEEPECHO_HTTP__PORT": "0",
            "DEEPECHO_LOG__FORMAT": "json",
        },
    )


def clean_environment() -> dict[str, str]:
    """Ours without the bot's settings, and with compiled modules kept: an installed bot has them."""
    left_out = ("DEEPECHO_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(left_out)}


async def bare_import() -> float:
    """Seconds until the libraries are imported, in a process of its own."""
    started = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BARE, env=clean_environment(), stdout=asyncio.subprocess.PIPE
    )
    if process.stdout is None or await process.stdout.readline() != b"imported\n":
        raise RuntimeError("the libraries could not be imported")
    took = time.perf_counter() - started
    await process.wait()
    return took


@dataclass(frozen=True, slots=True)
class Started:
    """A bot that answered 200 on ``/readyz`` after ``seconds``."""

    pid: int
    port: int
    seconds: float


@asynccontextmanager
async def started_bot(home: Home) -> AsyncIterator[Started]:
    """``deepecho run`` from its start until it is ready; afterwards it is stopped."""
    log = home.folder / "bot.log"
    started = time.perf_counter()
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", AS_INSTALLED), env=home.environment, stdout=out, stderr=out
        )
    try:
        while (found := re.search(r'"port": (\d+)', log.read_text())) is None:
            if process.returncode is not None:
                raise RuntimeError(f"the bot did not start: {log.read_text()}")
            await asyncio.sleep(0.005)
        port = int(found[1])
        async with aiohttp.ClientSession() as session:
            while not await _is_ready(session, port):
                await asyncio.sleep(0.005)
        yield Started(process.pid, port, time.perf_counter() - started)
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _is_ready(session: aiohttp.ClientSession, port: int) -> bool:
    async with session.get(f"http://127.0.0.1:{port}/readyz") as response:
        return response.status == 200


def resident_mib(pid: int) -> float:
    """What the process holds in memory."""
    text = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    if found is None:
        raise RuntimeError("the process is gone")
    return int(found[1]) / 1024


async def switched_off_modules(home: Home) -> list[str]:
    """Which modules of integrations that nobody uses a running bot has imported all the same."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.imported", *SWITCHED_OFF),
        env=home.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, errors = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"the bot did not start: {errors.decode()[-1000:]}")
    return [name for name in out.decode().strip().split(",") if name]

"""Taking a PostgreSQL database away from those who use it, and giving it back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg


@asynccontextmanager
async def database_unavailable(url: str) -> AsyncIterator[None]:
    """Inside the block nobody can connect to the database, and who was connected no longer is."""
    name = urlsplit(url).path.removeprefix("/")
    admin = await asyncpg.connect(urlsplit(url)._replace(path="/postgres").geturl())
    try:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
        ended = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = $1"
        while await admin.fetchval(ended, name):  # who was about to connect is let in once more
            await asyncio.sleep(0.01)
        yield
    finally:
        await admin.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        await admin.close()

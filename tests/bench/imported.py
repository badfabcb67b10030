"""A running bot that prints which of the modules in its arguments it has imported: ``python -m tests.bench.imported MODULE…``."""

import asyncio
import sys
from importlib.util import find_spec

from bot.core.settings import load_settings
from bot.wiring import run_bot


async def _main(modules: list[str]) -> None:
    async with run_bot(load_settings()):
        print(",".join(name for name in modules if name in sys.modules))  # noqa: T201 -- the parent reads it
    # Last, because it imports parents: a name that is misspelled would never be found above.
    if missing := [name for name in modules if find_spec(name) is None]:
        raise SystemExit(f"no such modules: {', '.join(missing)}")


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))

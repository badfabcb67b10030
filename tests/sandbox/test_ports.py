"""Tests that run at the same time listen in different places."""

import asyncio
import sys

from sandbox.tools import PROJECT
from tests.harness.ports import free_ports

AT_ONCE = 4
ASKING = """
import sys
from tests.harness.ports import free_ports

print(free_ports(near=int(sys.argv[1])), flush=True)
sys.stdin.read()
"""


async def test_processes_that_ask_at_once_get_different_ports() -> None:
    pipe = asyncio.subprocess.PIPE
    asking = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", ASKING, "24000", stdin=pipe, stdout=pipe, cwd=PROJECT)
        for _ in range(AT_ONCE)
    ]
    given = [int(await each.stdout.readline()) for each in asking if each.stdout is not None]
    for each in asking:
        await each.communicate(b"")
    assert len({*given}) == AT_ONCE


def test_what_is_free_again_is_given_again() -> None:
    assert free_ports() == free_ports()

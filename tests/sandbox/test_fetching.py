"""A program is fetched once and whole, whoever asks and whoever dies meanwhile. The registry is a pretend one on loopback."""

import asyncio
import hashlib
import io
import json
import os
import shutil
import signal
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from sandbox.fetching import MissingTool, Package, fetched
from sandbox.tools import PROJECT

AT_ONCE = 4
PATIENCE = 60.0
PROGRAM = b"#!/bin/sh\necho hello\n" + b"#" * 200_000
FETCHER = """
import sys
from pathlib import Path
from sandbox.fetching import MissingTool, Package, fetched

try:
    print(fetched(Package("greeter", "1.0.0", sys.argv[1], "bin/greeter"), Path(sys.argv[2])))
except MissingTool as missing:
    sys.exit(str(missing))
"""


def archive_of(program: bytes) -> bytes:
    """A package as npm keeps it."""
    files = {"package/package.json": json.dumps({"name": "greeter", "version": "1.0.0"}).encode(), "package/bin/greeter": program}
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w:gz") as bundle:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            bundle.addfile(entry, io.BytesIO(content))
    return written.getvalue()


@dataclass
class Registry:
    """What it holds, what was asked of it, and whether an archive stops half way."""

    port: int = 0
    name: str = "127.0.0.1"
    archive: bytes = field(default_factory=lambda: archive_of(PROGRAM))
    asked: list[str] = field(default_factory=list)
    stops_half_way: bool = False
    half_way: threading.Event = field(default_factory=threading.Event)
    goes_on: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://{self.name}:{self.port}"

    @property
    def downloads(self) -> int:
        return len([path for path in self.asked if path.endswith(".tgz")])

    @property
    def package(self) -> Package:
        return Package("greeter", "1.0.0", hashlib.sha256(self.archive).hexdigest(), "bin/greeter")

    def about(self) -> bytes:
        version = {"name": "greeter", "version": "1.0.0", "dist": {"tarball": f"{self.url}/greeter-1.0.0.tgz"}}
        return json.dumps({"name": "greeter", "dist-tags": {"latest": "1.0.0"}, "versions": {"1.0.0": version}}).encode()


@contextmanager
def serving(registry: Registry) -> Iterator[None]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.asked.append(self.path)
            path = urlsplit(self.path).path  # who is asked as a proxy gets the whole address
            content = {"/greeter": registry.about(), "/greeter-1.0.0.tgz": registry.archive}.get(path)
            self.send_response(200 if content else 404)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.give(content or b"", stop=registry.stops_half_way and path.endswith(".tgz"))

        def give(self, content: bytes, *, stop: bool) -> None:
            half = len(content) // 2
            self.wfile.write(content[:half])
            if stop:
                registry.half_way.set()
                registry.goes_on.wait(PATIENCE)
                return
            self.wfile.write(content[half:])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        registry.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield
        finally:
            registry.goes_on.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """npm knows this registry and no other, and nothing of this machine's settings."""
    if shutil.which("npm") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("npm is missing")
        pytest.skip("npm is not installed (Debian: apt install npm).")
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.lower().startswith("npm_config_"):
            monkeypatch.delenv(name)
    registry = Registry()
    with serving(registry):
        monkeypatch.setenv("npm_config_registry", registry.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm-cache"))
        monkeypatch.setenv("npm_config_userconfig", str(tmp_path / "npmrc"))
        monkeypatch.setenv("npm_config_globalconfig", str(tmp_path / "npmrc-global"))
        monkeypatch.setenv("npm_config_fetch_retries", "0")
        yield registry


def is_whole(program: str) -> bool:
    """Whether the file of which a fetcher told is the program, to be run."""
    path = Path(program.strip())
    return path.read_bytes() == PROGRAM and os.access(path, os.X_OK)


def names_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def fetcher(registry: Registry, tools: Path) -> asyncio.subprocess.Process:
    """Another process that wants the program."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FETCHER, registry.package.sha256, str(tools)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=PROJECT,
        start_new_session=True,
    )


async def test_several_processes_that_ask_at_once_get_one_whole_copy(registry: Registry, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    fetchers = [await fetcher(registry, tools) for _ in range(AT_ONCE)]
    for each in fetchers:
        out, err = await each.communicate()
        assert each.returncode == 0, err.decode()
        assert is_whole(out.decode())
    assert registry.downloads == 1
    assert names_in(tools) == [".lock", "greeter-1.0.0"]


async def test_a_fetch_that_was_killed_half_way_is_not_taken_for_whole(registry: Registry, tmp_path: Path) -> None:
    registry.stops_half_way = True
    killed = await fetcher(registry, tmp_path)
    async with asyncio.timeout(PATIENCE):
        while not registry.half_way.is_set():
            await asyncio.sleep(0.02)
    waits = await fetcher(registry, tmp_path)
    registry.stops_half_way = False
    os.killpg(killed.pid, signal.SIGKILL)
    await killed.communicate()
    out, err = await waits.communicate()
    assert waits.returncode == 0, err.decode()
    assert is_whole(out.decode())
    assert not any(".fetching-" in name for name in names_in(tmp_path))


def test_what_a_killed_process_had_unpacked_is_thrown_away(registry: Registry, tmp_path: Path) -> None:
    half = tmp_path / ".fetching-abc" / "package" / "bin"
    half.mkdir(parents=True)
    (half / "greeter").write_bytes(PROGRAM[:10])
    registry.package.home(tmp_path).mkdir()
    assert fetched(registry.package, tmp_path).read_bytes() == PROGRAM
    assert not half.exists()


def test_what_is_there_is_not_fetched_again(registry: Registry, tmp_path: Path) -> None:
    first = fetched(registry.package, tmp_path)
    assert fetched(registry.package, tmp_path) == first
    assert registry.downloads == 1


def test_an_archive_that_was_not_tried_is_not_unpacked(registry: Registry, tmp_path: Path) -> None:
    tried = registry.package
    registry.archive = archive_of(b"something else")
    with pytest.raises(MissingTool, match=r"greeter-1\.0\.0\.tgz is not the file that was tried .* Nothing was unpacked\."):
        fetched(tried, tmp_path)
    assert [each.name for each in tmp_path.glob("*greeter*")] == []


def test_what_npm_says_is_told(registry: Registry, tmp_path: Path) -> None:
    unknown = Package("greeter", "9.9.9", "", "bin/greeter")
    with pytest.raises(MissingTool, match=r"could not fetch greeter@9\.9\.9: .*No matching version found for greeter@9\.9\.9"):
        fetched(unknown, tmp_path)


def test_it_is_fetched_through_the_proxy_of_the_environment(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", registry.url)
    registry.name = "packages.example"  # no name server knows it
    monkeypatch.setenv("npm_config_registry", registry.url)
    assert fetched(registry.package, tmp_path).read_bytes() == PROGRAM
    assert all(path.startswith("http://packages.example") for path in registry.asked)

"""Fetching a program from npm's registry: once and whole, however many processes ask for it at the same time."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FETCH_WITHIN = 300.0
"""Seconds that npm may take; 91 MB come over a slow line."""
_UNFINISHED = ".fetching-"
_SAYS_LITTLE = re.compile(r"^npm (?:error|ERR!) (?:(?:code|syscall|errno|network) |$)|^npm (?:warn|WARN|notice) ")


class MissingTool(RuntimeError):
    """A program that the sandbox needs is not on this machine; the message says what to do about it."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of npm's registry. ``sha256`` is of its archive, ``program`` a path in it."""

    name: str
    version: str
    sha256: str
    program: str

    def home(self, tools: Path) -> Path:
        """Its folder, which is there only when it is whole."""
        return tools / f"{self.name}-{self.version}"


def fetched(package: Package, tools: Path) -> Path:
    """The program of a package, fetched into ``tools`` the first time. Blocks. Raises `MissingTool`."""
    program = package.home(tools) / package.program
    if not program.is_file():
        tools.mkdir(parents=True, exist_ok=True)
        with _alone(tools):
            if not program.is_file():  # who held the lock before may have fetched it
                _fetch(package, tools)
    return program


@contextmanager
def _alone(tools: Path) -> Iterator[None]:
    """The kernel gives the lock back when its holder dies, so a killed process keeps nobody waiting."""
    with (tools / ".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _fetch(package: Package, tools: Path) -> None:
    for left in tools.glob(f"{_UNFINISHED}*"):  # of a process that was killed: whoever is alive waits for the lock
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=_UNFINISHED, dir=tools, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        unpacked = _unpack(package, _download(package, folder), folder)
        shutil.rmtree(package.home(tools), ignore_errors=True)  # a folder without its program would be in the way
        unpacked.rename(package.home(tools))


def _download(package: Package, folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingTool("npm is not installed. Install Node.js with npm (Debian: apt install npm) and run this again.")
    wanted = f"{package.name}@{package.version}"
    command = (npm, "pack", wanted, "--loglevel=error", "--pack-destination", str(folder))
    try:
        packed = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=FETCH_WITHIN, check=False
        )
    except subprocess.TimeoutExpired:
        raise MissingTool(f"npm did not fetch {wanted} within {FETCH_WITHIN:.0f} seconds. Run this again.") from None
    archive = folder / f"{package.name}-{package.version}.tgz"
    if packed.returncode != 0 or not archive.is_file():
        raise MissingTool(f"npm could not fetch {wanted}: {_reason(packed.stderr)} (Proxies and mirrors are npm's settings.)")
    return archive


def _reason(said: str) -> str:
    """The line that says why, of the dozen that npm prints."""
    telling = (line.strip() for line in said.splitlines() if line.strip() and not _SAYS_LITTLE.match(line))
    reason = re.sub(r"^npm (?:error|ERR!) ", "", next(telling, "npm gave no reason"))
    return reason if reason.endswith(".") else f"{reason}."


def _unpack(package: Package, archive: Path, folder: Path) -> Path:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != package.sha256:
        raise MissingTool(f"{archive.name} is not the file that was tried (sha256 {digest}). Nothing was unpacked.")
    with tarfile.open(archive) as bundle:
        bundle.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer; Debian 12 has 3.11.2
        bundle.extractall(folder)  # noqa: S202 -- byte for byte the archive that was tried
    unpacked = folder / "package"
    (unpacked / package.program).chmod(0o755)
    _write_through(unpacked / package.program)
    return unpacked


def _write_through(program: Path) -> None:
    """A machine that loses power must not keep the new name without the bytes."""
    with program.open("rb") as file:
        os.fsync(file.fileno())

"""The local programs that the sandbox runs: where they are, and how the missing ones are fetched."""

import hashlib
import json
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools"

LOCAL_SLACK_VERSION = "0.1.8"
LOCAL_SLACK_PACKAGE = "local-slack-linux-x64"
LOCAL_SLACK_SHA256 = "dbe1357ecaa2b35f3b231b022368741c04f8e6a106e58b0461edcc094271f8f8"


class MissingTool(RuntimeError):
    """A program that the sandbox needs is not on this machine; the message says what to do about it."""


def local_slack_binary(tools: Path = TOOLS) -> Path:
    """The local Slack's binary, fetched with npm into ``tools`` the first time. Raises `MissingTool`."""
    home = tools / "local-slack" / LOCAL_SLACK_VERSION
    binary = home / "package" / "bin" / "local-slack"
    if not binary.is_file():
        _require_linux_x64()
        home.mkdir(parents=True, exist_ok=True)
        _unpack(_fetch(home), home)
    _check_version(home)
    binary.chmod(0o755)
    return binary


def _require_linux_x64() -> None:
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise MissingTool(
            f"The local Slack was only tried on Linux x86_64, and this is {system} {machine}. "
            "Run the sandbox in a Linux x86_64 container, or follow the documentation of npm's local-slack package."
        )


def _fetch(home: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        raise MissingTool("npm is not installed. Install Node.js with npm (Debian: apt install npm) and run this again.")
    packed = subprocess.run(
        [npm, "pack", f"{LOCAL_SLACK_PACKAGE}@{LOCAL_SLACK_VERSION}", "--silent", "--pack-destination", str(home)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    archive = home / f"{LOCAL_SLACK_PACKAGE}-{LOCAL_SLACK_VERSION}.tgz"
    if packed.returncode != 0 or not archive.is_file():
        reason = packed.stderr.strip().splitlines()[-1:] or ["npm gave no reason"]
        raise MissingTool(f"npm could not fetch {LOCAL_SLACK_PACKAGE} {LOCAL_SLACK_VERSION}: {reason[0]}")
    return archive


def _unpack(archive: Path, home: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    if digest != LOCAL_SLACK_SHA256:
        archive.unlink()
        raise MissingTool(f"{archive.name} is not the file that was tried (sha256 {digest}). Nothing was unpacked.")
    with tarfile.open(archive) as bundle:
        bundle.extractall(home, filter="data")
    archive.unlink()


def _check_version(home: Path) -> None:
    manifest = json.loads((home / "package" / "package.json").read_text(encoding="utf-8"))
    if manifest.get("version") != LOCAL_SLACK_VERSION:
        raise MissingTool(
            f"{home} holds local-slack {manifest.get('version')}, and the sandbox wants {LOCAL_SLACK_VERSION}. "
            "Remove that folder and run this again."
        )


def prometheus_program() -> str:
    """Where Prometheus is. Raises `MissingTool`."""
    return _find_program("Prometheus", "prometheus", "prometheus")


def alertmanager_program() -> str:
    """Where Alertmanager is; Debian calls it otherwise than its makers do. Raises `MissingTool`."""
    return _find_program("Alertmanager", "prometheus-alertmanager", "prometheus-alertmanager", "alertmanager")


def _find_program(what: str, package: str, *names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise MissingTool(f"{what} is not installed. Install it (Debian: apt install {package}) and run this again.")
    return found

"""The local programs that the sandbox runs: where they are. ``python -m sandbox.tools`` fetches what can be fetched."""

import json
import platform
import shutil
import sys
from pathlib import Path

from sandbox.fetching import MissingTool, Package, fetched

__all__ = [
    "LOCAL_SLACK",
    "PROJECT",
    "TOOLS",
    "MissingTool",
    "alertmanager_program",
    "local_slack_binary",
    "prometheus_program",
    "promtool_program",
]

PROJECT = Path(__file__).resolve().parent.parent
TOOLS = PROJECT / ".tools"

LOCAL_SLACK = Package(
    name="local-slack-linux-x64",
    version="0.1.8",
    sha256="dbe1357ecaa2b35f3b231b022368741c04f8e6a106e58b0461edcc094271f8f8",
    program="bin/local-slack",
)


def local_slack_binary(tools: Path = TOOLS) -> Path:
    """The local Slack's binary, fetched with npm into ``tools`` the first time. Raises `MissingTool`."""
    _require_linux_x64()
    binary = fetched(LOCAL_SLACK, tools)
    _check_version(LOCAL_SLACK.home(tools))
    return binary


def _require_linux_x64() -> None:
    system, machine = platform.system(), platform.machine()
    if (system, machine) != ("Linux", "x86_64"):
        raise MissingTool(
            f"The local Slack was only tried on Linux x86_64, and this is {system} {machine}. "
            "Run the sandbox in a Linux x86_64 container, or follow the documentation of npm's local-slack package."
        )


def _check_version(home: Path) -> None:
    manifest = json.loads((home / "package.json").read_text(encoding="utf-8"))
    if manifest.get("version") != LOCAL_SLACK.version:
        raise MissingTool(
            f"{home} holds local-slack {manifest.get('version')}, and the sandbox wants {LOCAL_SLACK.version}. "
            "Remove that folder and run this again."
        )


def prometheus_program() -> str:
    """Where Prometheus is. Raises `MissingTool`."""
    return _find_program("Prometheus", "prometheus", "prometheus")


def promtool_program() -> str:
    """Where Prometheus' own tool is, which comes with it. Raises `MissingTool`."""
    return _find_program("promtool", "prometheus", "promtool")


def alertmanager_program() -> str:
    """Where Alertmanager is; Debian calls it otherwise than its makers do. Raises `MissingTool`."""
    return _find_program("Alertmanager", "prometheus-alertmanager", "prometheus-alertmanager", "alertmanager")


def _find_program(what: str, package: str, *names: str) -> str:
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        raise MissingTool(f"{what} is not installed. Install it (Debian: apt install {package}) and run this again.")
    return found


if __name__ == "__main__":
    try:
        local_slack_binary()
    except MissingTool as missing:
        sys.exit(str(missing))

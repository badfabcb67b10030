"""Real Prometheus and Alertmanager (Debian's programs) on loopback, each with a folder and a port of its own."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from tests.harness.ports import free_ports

_READY_WITHIN = 20.0
_FETCHED = Path(__file__).resolve().parents[2] / ".tools" / "prometheus"
NEWER_ALERTMANAGER = (0, 33)
"""The newer generation; Debian 12 has 0.25."""
_ALERTMANAGER = ("prometheus-alertmanager", "alertmanager")
_NO_RECEIVERS = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}


@contextmanager
def running_alertmanager(folder: Path, at_least: tuple[int, int] | None = None) -> Iterator[str]:
    """Its address. It tells nobody of alerts and has no peers. ``at_least``: the version that a test needs."""
    configuration = folder / "alertmanager.yml"
    configuration.write_text(json.dumps(_NO_RECEIVERS))  # JSON is YAML
    port = free_ports()
    command = [
        _newer(at_least, *_ALERTMANAGER) if at_least else _program(*_ALERTMANAGER),
        f"--config.file={configuration}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with _running(command, folder / "alertmanager.log", port) as address:
        yield address


@contextmanager
def running_prometheus(
    folder: Path,
    at_least: tuple[int, int] | None = None,
    *,
    rules: Mapping[str, str] | None = None,
    exporter: str = "",
    store: str = "",
) -> Iterator[str]:
    """Its address. It scrapes itself every second, as the job ``prometheus``. ``at_least``: the version that a test needs.

    ``rules`` are expressions of alerts by their names, evaluated every second. ``exporter`` is another address to scrape,
    ``store`` one that is asked for older series too.
    """
    configuration = folder / "prometheus.yml"
    port = free_ports()
    job = {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    other = {"job_name": "exporter", "scrape_interval": "5s", "scrape_timeout": "5s", "static_configs": [{"targets": [exporter]}]}
    every = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    alerts = [{"alert": name, "expr": expression} for name, expression in (rules or {}).items()]
    (folder / "rules.yml").write_text(json.dumps({"groups": [{"name": "alerts", "rules": alerts}]}))
    settings = {"global": every, "scrape_configs": [job, other] if exporter else [job], "rule_files": ["rules.yml"]}
    stores = [{"url": store, "read_recent": True, "remote_timeout": "1s"}] if store else []
    configuration.write_text(json.dumps(settings | {"remote_read": stores}))
    command = [
        _newer(at_least, "prometheus") if at_least else _program("prometheus"),
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with _running(command, folder / "prometheus.log", port) as address:
        yield address


@contextmanager
def _running(command: list[str], log: Path, port: int) -> Iterator[str]:
    address = f"http://127.0.0.1:{port}"
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT) as process:
        try:
            _wait_for(f"{address}/-/ready", process, log)
            yield address
        finally:
            process.kill()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _READY_WITHIN
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310 -- our own server
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError(f"{url} did not answer: {log.read_text()[-2000:]}")


def _program(*names: str) -> str:
    """Debian calls it otherwise than everybody else. A skip that says why, a failure in CI."""
    found = next(filter(None, map(shutil.which, names)), None)
    return found or _is_missing(f"{names[0]} is not installed (Debian: apt install {names[0]}).")


def newer_alertmanager_folder() -> str:
    """The folder of the newer Alertmanager, for the ``PATH`` of what starts one by its name."""
    return str(Path(_newer(NEWER_ALERTMANAGER, *_ALERTMANAGER)).parent)


def _newer(at_least: tuple[int, int], *names: str) -> str:
    """Debian's newer one, which ``scripts/newer-prometheus`` fetches, or this machine's own, if that is new enough."""
    places = (str(_FETCHED / names[0]), *(shutil.which(name) or "" for name in names))
    found = next((each for each in places if Path(each).is_file() and _version(each) >= at_least), None)
    wanted = ".".join(map(str, at_least))
    return found or _is_missing(f"{names[0]} {wanted} or newer is not here (scripts/newer-prometheus fetches Debian's).")


def _version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=30).stdout
    found = re.search(r"version (\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def _is_missing(program: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(program)
    pytest.skip(program)

"""What ``pip install`` puts on a machine: the packages whole, what they read, and nothing beside them."""

import re
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PRODUCT = {"bot", "commands", "domain", "integrations", "runbooks", "storage"}
BUILT_FROM = ["pyproject.toml", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"]


def build(folder: Path, packages: set[str]) -> set[str]:
    """The names in a wheel that is built from a copy of these packages, without the network."""
    source = folder / "source"
    for package in packages:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for file in BUILT_FROM:
        shutil.copy(ROOT / file, source)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    subprocess.run([*pip, "--no-build-isolation", "--wheel-dir", folder, source], check=True, cwd=folder)
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def sources(packages: set[str]) -> set[str]:
    """Every file of these packages, whatever it is."""
    files = (file for package in packages for file in (ROOT / package).rglob("*") if file.is_file())
    names = {file.relative_to(ROOT).as_posix() for file in files}
    return {name for name in names if not fnmatch(name, "*__pycache__*")}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return build(tmp_path_factory.mktemp("wheel"), PRODUCT | {"sandbox"})


def test_every_file_of_every_package_is_in_it(wheel: set[str]) -> None:
    """A folder without ``__init__.py`` would be left out in silence, and so would data that no pattern names."""
    assert sources(PRODUCT | {"sandbox"}) - wheel == set()


@pytest.mark.parametrize("name", ["storage/migrations/script.py.mako", "sandbox/slack/page.js", "sandbox/monitoring/rules.yaml"])
def test_what_is_read_while_it_runs_is_in_it(wheel: set[str], name: str) -> None:
    assert name in wheel


def test_the_migrations_are_in_it(wheel: set[str]) -> None:
    assert {name for name in wheel if fnmatch(name, "storage/migrations/versions/[0-9]*.py")}
    assert "storage/migrations/env.py" in wheel


def test_nothing_lies_beside_the_packages(wheel: set[str]) -> None:
    """Files at the top would land loose in ``site-packages``, as those of kubernetes-asyncio do: README.md, LICENSE and more."""
    assert {name for name in wheel if len(PurePosixPath(name).parts) == 1} == set()
    tops = {PurePosixPath(name).parts[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == PRODUCT | {"sandbox"}


def test_the_tests_and_the_documents_stay_out(wheel: set[str]) -> None:
    assert {name for name in wheel if name.startswith(("tests/", "docs/", "deploy/", "scripts/"))} == set()


def test_the_image_is_built_without_the_sandbox(tmp_path: Path) -> None:
    """As the Dockerfile does, which copies the packages of the product and no others."""
    lines = [line.split() for line in (ROOT / "Dockerfile").read_text().splitlines()]
    copied = {words[1] for words in lines if words[:1] == ["COPY"] and words[2:] == [f"./{words[1]}"]}
    assert copied == PRODUCT
    names = build(tmp_path, PRODUCT)
    assert sources(PRODUCT) - names == set()
    assert {name for name in names if name.startswith("sandbox")} == set()


def test_everything_that_the_image_is_built_from_is_pinned() -> None:
    """Images by digest, packages by hash; what is built from the sources fetches nothing."""
    text = re.sub(r"\\\n\s*", " ", (ROOT / "Dockerfile").read_text())
    [image] = re.findall(r"^ARG PYTHON=(\S+)$", text, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11-slim-\w+@sha256:[0-9a-f]{64}", image)
    assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) == {"${PYTHON}"}
    for step in re.findall(r"\S+/pip (?:install|wheel) [^&\n]*", text):
        words = {*step.split()}
        assert words & {"--require-hashes", "--no-build-isolation"} or words >= {"--no-deps", "--no-index"}, step


def test_the_image_is_built_with_the_tool_that_the_tests_build_with() -> None:
    [locked] = re.findall(r"^setuptools==(\S+)", (ROOT / "requirements-build.lock").read_text(), re.MULTILINE)
    assert locked == version("setuptools")
    assert "--hash=sha256:" in (ROOT / "requirements-build.lock").read_text()

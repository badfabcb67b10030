"""What holds for every test: proxies are not for loopback, and a program that cannot be had here is a skip with a reason."""

import logging
import os
from collections.abc import Generator

import pytest
import structlog

from sandbox.tools import MissingTool
from tests.harness.postgres import shared_postgres

__all__ = ["shared_postgres"]


def pytest_configure() -> None:
    """Set the log's level, as a bot does, and remove the machine's proxies.

    The proxies are for what is fetched. Vendors' libraries would look for our own servers behind them, too.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    if "KUBECONFIG" in os.environ:  # a real cluster may be behind one
        return
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        address = os.environ.pop(name)
        if name.lower() in ("http_proxy", "https_proxy"):
            os.environ.setdefault(f"npm_config_{name.lower().removeprefix('http_')}", address)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None]:
    yield from _skipped_where_a_tool_is_missing()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    yield from _skipped_where_a_tool_is_missing()


def _skipped_where_a_tool_is_missing() -> Generator[None]:
    """In CI that is a failure."""
    try:
        yield
    except MissingTool as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))

"""What holds for every test: proxies are not for loopback, and a program that cannot be had here is a skip with a reason."""

import gc
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
    # Where rich is installed, structlog would print the locals of every frame: of a whole bot, that takes half a minute.
    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    processors = [*structlog.get_config()["processors"][:-1], renderer]
    structlog.configure(processors=processors, wrapper_class=structlog.make_filtering_bound_logger(logging.INFO))
    if "KUBECONFIG" in os.environ:  # a real cluster may be behind one
        return
    for name in [each for each in os.environ if each.lower().endswith("_proxy")]:
        address = os.environ.pop(name)
        if name.lower() in ("http_proxy", "https_proxy"):
            os.environ.setdefault(f"npm_config_{name.lower().removeprefix('http_')}", address)


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    _keep_out_of_collections()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    yield
    if nextitem is None or nextitem.path != item.path:
        _keep_out_of_collections()


def _keep_out_of_collections() -> None:
    """Collect garbage now, between two files, and let later collections pass over what is left.

    Half a million objects belong to the collected tests and to vendors' modules. To walk over them stops a process for 0.3 s at
    first and for 1.1 s later, in the middle of some test whose client waits for an answer.
    """
    gc.collect()
    gc.freeze()


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

"""Imports matplotlib when the first chart is drawn, without leaving files on the disk."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_importing = threading.Lock()


@cache
def load_matplotlib() -> None:
    """Import matplotlib with its default settings: a file `matplotlibrc` in a home or working directory changes no chart."""
    with _importing, _scratch_directory():
        import matplotlib as mpl
        import matplotlib.backends.backend_agg  # it builds the font list, once for each process

        mpl.rcdefaults()


@contextmanager
def _scratch_directory() -> Iterator[None]:
    """A temporary directory for matplotlib's font list: with a read-only file system it would log a warning."""
    before = os.environ.get("MPLCONFIGDIR")
    with tempfile.TemporaryDirectory(prefix="deepecho-charts-") as scratch:
        os.environ["MPLCONFIGDIR"] = scratch
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]
            if before is not None:
                os.environ["MPLCONFIGDIR"] = before

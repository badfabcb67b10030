"""Getting matplotlib into the process without a trace on the disk, and only when the first chart is drawn."""

import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

_importing = threading.Lock()


@cache
def load_matplotlib() -> None:
    """Import it, with its own defaults: a ``matplotlibrc`` in somebody's home or working directory changes no picture."""
    with _importing, _scratch_directory():
        import matplotlib as mpl
        import matplotlib.backends.backend_agg  # with it come the fonts, looked for once and kept in memory

        mpl.rcdefaults()


@contextmanager
def _scratch_directory() -> Iterator[None]:
    """Where it may write its list of fonts. In a container with a read-only file system it would warn that it may not."""
    before = os.environ.get("MPLCONFIGDIR")
    with tempfile.TemporaryDirectory(prefix="deepecho-charts-") as scratch:
        os.environ["MPLCONFIGDIR"] = scratch
        try:
            yield
        finally:
            del os.environ["MPLCONFIGDIR"]
            if before is not None:
                os.environ["MPLCONFIGDIR"] = before

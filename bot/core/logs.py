"""Logs: one JSON line for each event, or colours at a terminal. Secrets are masked before anything is written."""

import logging
import sys
import warnings
from collections.abc import Mapping
from types import TracebackType
from typing import Literal

import structlog
from structlog.types import EventDict, Processor

from domain.redaction import MASK, redact

NOISY_LOGGERS = (
    "dbos",
    "kubernetes_asyncio",
    "apscheduler",
    "asyncio",
    "alembic",
    "aiosqlite",
    "sqlalchemy",
    "matplotlib",
    "PIL",
    "urllib3",
)
"""Libraries whose records are logged from WARNING on."""
SECRET_LOGGING_LOGGERS = ("slack_bolt", "slack_sdk", "aiohttp")
"""Libraries whose DEBUG records contain tokens and payloads: logged from INFO on, whatever the level."""


def set_up_logs(level: str = "INFO", style: Literal["json", "console", ""] = "") -> None:
    """Send our events and the libraries' records through one formatter to stderr. ``main`` calls this once."""
    coloured = style == "console" or (style == "" and sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(shared, coloured=coloured))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _quiet_libraries(root.level)
    logging.captureWarnings(True)
    warnings.simplefilter("default", ResourceWarning)
    sys.excepthook = _log_uncaught


def _formatter(shared: list[Processor], *, coloured: bool) -> logging.Formatter:
    # Where rich is installed, structlog would print the locals of every frame, and tokens are among them.
    console = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    last: Processor = console if coloured else structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            redact_event,
            last,
        ],
    )


_RANDOM = "x1" * 10
"""Behind a name that announces a secret, this is taken for one."""


def redact_event(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Mask secrets in every value, tracebacks included. A value whose key names a secret is masked whole."""
    return {key: _masked(key, value) for key, value in event.items()}


def _masked(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(key): _masked(str(key), each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(name, each) for each in value]
    text = value if isinstance(value, str) else str(value)
    return MASK if text and MASK in redact(f"{name}={_RANDOM}") else redact(text)


def _quiet_libraries(level: int) -> None:
    for name in NOISY_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    for name in SECRET_LOGGING_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.INFO))
    # DBOS adds its own handler where its logger has none; that one would write past ``redact_event``.
    logging.getLogger("dbos").addHandler(logging.NullHandler())


def _log_uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    structlog.get_logger().critical("process ended by an error", exc_info=(kind, error, trace))

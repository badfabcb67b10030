"""Web addresses as the catalogue may hold them: of other systems, and of pages that people are sent to."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator


def _page(written: str) -> str:
    """The sentences do not repeat what was written, because it may hold a password."""
    if not written:
        return written
    try:
        parts = urlsplit(written)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise ValueError("must be an address such as https://prometheus.example.com") from error
    if parts.scheme not in {"http", "https"} or not host or not written.isprintable() or any(each in written for each in ' <>|"'):
        raise ValueError("must be an address such as https://prometheus.example.com")
    if "@" in parts.netloc:
        raise ValueError("must hold no user and no password; credentials are settings, not part of an address")
    return written


def _server(written: str) -> str:
    address = _page(written)
    if "?" in address or "#" in address:
        raise ValueError("must end with the path; nothing after ? or # belongs here")
    return address.rstrip("/")


Page = Annotated[str, AfterValidator(_page)]
"""An http or https address without credentials, or empty."""

Server = Annotated[str, AfterValidator(_server)]
"""Where a system's API begins: as ``Page``, without query and without a slash at its end."""

"""Validated URLs of the catalogue: APIs of other systems, and pages for people."""

from typing import Annotated

from pydantic import AfterValidator

from domain.web_urls import split_web_url


def _validate_http_url(value: str) -> str:
    """Error texts do not repeat the value, because it may contain a password."""
    if not value:
        return value
    parts = split_web_url(value)
    if parts is None or not value.isprintable() or any(each in value for each in ' <>|"'):
        raise ValueError("must be an address such as https://prometheus.example.com")
    if "@" in parts.netloc:
        raise ValueError("must hold no user and no password; credentials are settings, not part of an address")
    return value


def _validate_api_base_url(value: str) -> str:
    url = _validate_http_url(value)
    if "?" in url or "#" in url:
        raise ValueError("must end with the path; nothing after ? or # belongs here")
    return url.rstrip("/")


HttpUrl = Annotated[str, AfterValidator(_validate_http_url)]
"""An http or https address without credentials, or empty."""

ApiBaseUrl = Annotated[str, AfterValidator(_validate_api_base_url)]
"""The base URL of an API: as ``HttpUrl``, without a query, a fragment or a slash at its end."""

"""URLs of web pages that others wrote. Pure."""

from urllib.parse import SplitResult, quote, urlsplit

MAX_URL_LENGTH = 2_000
"""Characters after encoding. A link cannot be cut, so a longer one would displace other text."""


def split_web_url(url: str) -> SplitResult | None:
    """The parts of an http(s) URL with a host; None for what is no such URL, and for one with an impossible port."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return None
    return parts if host and parts.scheme in {"http", "https"} else None


def encode_web_url(url: str, safe_characters: str) -> str:
    """The URL with all others encoded; empty unless it is http(s) with a host, without credentials, and short enough."""
    parts = split_web_url(url) if len(url) <= MAX_URL_LENGTH else None
    if parts is None or "@" in parts.netloc:
        return ""
    encoded = quote(url, safe=safe_characters, errors="replace")
    return encoded if len(encoded) <= MAX_URL_LENGTH else ""

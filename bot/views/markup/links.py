"""Validates and encodes URLs for messages: those of alert rules and annotations are written by others."""

from urllib.parse import quote, urlsplit

MAX_URL_LENGTH = 2_000
"""Characters after encoding. A link cannot be cut, so a longer one would displace other text of the block."""

_SAFE_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""Characters of URLs. All others are percent-encoded, among them those that end Slack's `<url|text>`."""


def safe_url(url: str) -> str:
    """The URL encoded for markup; empty unless it is http(s) with a host, without credentials, and short enough."""
    if len(url) > MAX_URL_LENGTH:
        return ""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in {"http", "https"} or not host or "@" in parts.netloc:
        return ""
    encoded = quote(url, safe=_SAFE_CHARACTERS, errors="replace").replace("&", "&amp;")
    return encoded if len(encoded) <= MAX_URL_LENGTH else ""

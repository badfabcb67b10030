"""Addresses as they may stand in a message. Rules and annotations are written by others, so this is the last to look at them."""

from urllib.parse import quote, urlsplit

MAX_URL_LENGTH = 2_000
"""Characters as they are sent. A link is never cut, so one that is longer would push out what stands beside it."""

_SAFE_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""What an address is built of. All else is percent-encoded, the characters that end Slack's ``<address|text>`` among it."""


def safe_url(url: str) -> str:
    """The address, ready for markup; empty for what is no page: another scheme, no host, a password in it, too long."""
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

"""Encodes URLs for messages: those of alert rules and annotations are written by others."""

from domain.web_urls import MAX_URL_LENGTH, encode_web_url

_SAFE_CHARACTERS = "%/:?#[]@!$&'()*+,;=~"
"""Characters of URLs. All others are percent-encoded, among them those that end Slack's `<url|text>`."""


def safe_url(url: str) -> str:
    """The URL encoded for markup; empty unless it is http(s) with a host, without credentials, and short enough."""
    encoded = encode_web_url(url, _SAFE_CHARACTERS).replace("&", "&amp;")
    return encoded if len(encoded) <= MAX_URL_LENGTH else ""

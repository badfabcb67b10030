"""Slack's request signature, version 0, as a receiver has to check it."""

import hashlib
import hmac


def sign(secret: str, timestamp: str, body: bytes | str) -> str:
    """The value of ``X-Slack-Signature`` for a raw ``body`` sent at ``timestamp`` (Unix seconds, as text)."""
    raw = body if isinstance(body, bytes) else body.encode()
    digest = hmac.new(secret.encode(), b"v0:" + timestamp.encode() + b":" + raw, hashlib.sha256)
    return f"v0={digest.hexdigest()}"


def signed_headers(secret: str, timestamp: str, body: bytes | str, content_type: str) -> dict[str, str]:
    """The headers of a request that Slack would send with ``body``."""
    return {
        "Content-Type": content_type,
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": sign(secret, timestamp, body),
    }

"""When a client certificate ends: the ``notAfter`` of X.509, read from PEM.

The standard library reads it of a peer's certificate only, and a library for it would be needed for this field alone.
"""

import ssl
from datetime import UTC, datetime

_SEQUENCE, _UTC_TIME, _GENERALIZED_TIME, _VERSION = 0x30, 0x17, 0x18, 0xA0


def end_of_certificate(pem: str) -> datetime | None:
    """The end of the first certificate in the text, the client's own; None where there is none that can be read."""
    start, end = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if start < 0 or end < start:
        return None
    try:
        return _not_after(ssl.PEM_cert_to_DER_cert(pem[start : end + len(ssl.PEM_FOOTER)]))
    except (ValueError, IndexError):
        return None


def _not_after(der: bytes) -> datetime:
    """Certificate > tbsCertificate > [version], serial, algorithm, issuer, validity > notBefore, notAfter (RFC 5280, 4.1)."""
    certificate = _content(der, _SEQUENCE)
    fields = _elements(_content(certificate, _SEQUENCE))
    validity = fields[4 if fields[0][0] == _VERSION else 3]
    tag, text = _elements(validity[1])[1]
    if tag == _UTC_TIME:
        # RFC 5280: a year of two digits is of this century below 50, which is not what strptime takes it for.
        return _utc(("20" if text[:2] < b"50" else "19") + text.decode())
    if tag == _GENERALIZED_TIME:
        return _utc(text.decode())
    raise ValueError(f"no time: tag {tag}")


def _utc(text: str) -> datetime:
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _content(der: bytes, expected: int) -> bytes:
    tag, content = _elements(der)[0]
    if tag != expected:
        raise ValueError(f"tag {tag}, not {expected}")
    return content


def _elements(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each element that stands in ``der``, one after the other."""
    elements, position = [], 0
    while position < len(der):
        tag, length, position = der[position], der[position + 1], position + 2
        if length & 0x80:  # A long length: the low bits say how many bytes it has.
            size = length & 0x7F
            length, position = int.from_bytes(der[position : position + size]), position + size
        elements.append((tag, der[position : position + length]))
        position += length
    return elements

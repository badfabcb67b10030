"""Ordinary log lines of many kinds of software, the same in every run. What is masked in them was masked in vain."""

import base64
import random
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

COUNT = 30_000
_TEMPLATES = ("platform.txt", "programs.txt")
"""Kubernetes, web servers, databases, builds; applications in several languages, system daemons."""
_START = datetime(2026, 11, 23, tzinfo=UTC)
_PART = re.compile(r"<(\w+?)(\d*)>")
_WORDS = [
    "order",
    "cart",
    "payment",
    "user",
    "item",
    "stock",
    "price",
    "invoice",
    "report",
    "search",
    "index",
    "cache",
    "queue",
    "worker",
    "batch",
    "export",
    "import",
    "audit",
    "policy",
    "session",
    "tenant",
    "region",
    "shard",
    "replica",
    "leader",
    "follower",
    "metric",
    "alert",
    "trace",
    "span",
    "event",
    "message",
    "topic",
    "partition",
    "offset",
    "commit",
]
_NAMES = ["anna", "bjarne", "chloe", "dmitri", "elif", "farid", "grace", "hiro", "ines", "jonas", "katya", "liam"]
_SERVICES = [
    "web",
    "api",
    "checkout",
    "billing",
    "search",
    "gateway",
    "worker",
    "auth-service",
    "token-service",
    "secret-sync",
    "session-store",
]
_CLASSES = [
    "OrderService",
    "CartController",
    "TokenFilter",
    "SessionRegistry",
    "PasswordEncoder",
    "JdbcTemplate",
    "SecretManager",
    "KeyStore",
]


def ordinary_lines(count: int = COUNT) -> Iterator[str]:
    """Yield lines: each template in turn, filled with new values."""
    chance = random.Random("ordinary")  # noqa: S311 -- log lines, not secrets
    templates = [line for name in _TEMPLATES for line in (Path(__file__).parent / name).read_text().splitlines()]
    for number in range(count):
        yield _PART.sub(lambda match: _fill(chance, match[1], match[2], match[0]), templates[number % len(templates)])


def _fill(chance: random.Random, kind: str, length: str, text: str) -> str:
    if kind in _MAKERS:
        return _MAKERS[kind](chance)
    if kind in _ALPHABETS and length:
        return "".join(chance.choices(_ALPHABETS[kind], k=int(length)))
    return text


def _time(chance: random.Random) -> datetime:
    return _START + timedelta(seconds=chance.randrange(500_000), milliseconds=chance.randrange(1000))


def _uuid(chance: random.Random) -> str:
    digits = f"{chance.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _id(chance: random.Random) -> str:
    return base64.urlsafe_b64encode(chance.randbytes(12)).decode()


_ALPHABETS = {"h": "0123456789abcdef", "n": "0123456789", "k": "bcdfghjklmnpqrstvwxz2456789", "H": "0123456789ABCDEF"}
_MAKERS: dict[str, Callable[[random.Random], str]] = {
    "iso": lambda chance: _time(chance).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    "sql": lambda chance: _time(chance).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
    "sys": lambda chance: _time(chance).strftime("%b %d %H:%M:%S"),
    "clf": lambda chance: _time(chance).strftime("%d/%b/%Y:%H:%M:%S +0000"),
    "klog": lambda chance: _time(chance).strftime("%m%d %H:%M:%S.%f"),
    "epoch": lambda chance: str(int(_time(chance).timestamp())),
    "uuid": _uuid,
    "sha": lambda chance: f"{chance.getrandbits(160):040x}",
    "digest": lambda chance: f"sha256:{chance.getrandbits(256):064x}",
    "trace": lambda chance: f"00-{chance.getrandbits(128):032x}-{chance.getrandbits(64):016x}-01",
    "id": _id,
    "integrity": lambda chance: "sha512-" + base64.b64encode(chance.randbytes(64)).decode(),
    "ip": lambda chance: ".".join(str(chance.randrange(1, 255)) for _ in range(4)),
    "port": lambda chance: str(chance.randrange(1024, 65536)),
    "int": lambda chance: str(chance.randrange(10_000)),
    "ms": lambda chance: f"{chance.randrange(1, 90_000) / 10}",
    "status": lambda chance: chance.choice(("200", "201", "204", "301", "401", "403", "404", "500", "503")),
    "word": lambda chance: chance.choice(_WORDS),
    "name": lambda chance: chance.choice(_NAMES),
    "service": lambda chance: chance.choice(_SERVICES),
    "class": lambda chance: chance.choice(_CLASSES),
    "pod": lambda chance: f"{chance.choice(_SERVICES)}-{_letters(chance, 10)}-{_letters(chance, 5)}",
    "version": lambda chance: f"{chance.randrange(9)}.{chance.randrange(20)}.{chance.randrange(40)}",
    "tag": lambda chance: f"main-{chance.getrandbits(28):07x}",
}


def _letters(chance: random.Random, length: int) -> str:
    return "".join(chance.choices(_ALPHABETS["k"], k=length))

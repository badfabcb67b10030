"""Bodies of Alertmanager's webhook: how large, how compressed, and how slow they may be."""

import gzip
import zlib
from collections.abc import AsyncIterator

import pytest

from bot.web.alertmanager import MAX_BODY_BYTES
from tests.harness.alertmanager_webhook import FIRING, WebhookHarness, open_webhook
from tests.harness.databases import database_url, migrated_file, postgres, postgres_url, sqlite_url

__all__ = ["database_url", "migrated_file", "postgres", "postgres_url", "sqlite_url"]


@pytest.fixture
async def harness(sqlite_url: str) -> AsyncIterator[WebhookHarness]:
    async with open_webhook(sqlite_url) as opened:
        yield opened


TOO_LARGE = (413, "The body is larger than 8 MiB. `max_alerts` of the receiver makes it smaller.")


async def test_the_largest_body_is_taken_and_a_larger_one_is_refused(harness: WebhookHarness) -> None:
    largest = FIRING + b" " * (MAX_BODY_BYTES - len(FIRING))
    assert await harness.post(largest) == (200, "")
    assert await harness.post(largest + b" ") == TOO_LARGE
    assert len(await harness.stored()) == 1


async def _in_parts(data: bytes, part: int = 256 * 1024) -> AsyncIterator[bytes]:
    for start in range(0, len(data), part):
        yield data[start : start + part]


async def test_without_a_length_too(harness: WebhookHarness) -> None:
    assert await harness.post(_in_parts(FIRING, 100)) == (200, "")
    assert await harness.post(_in_parts(FIRING + b" " * MAX_BODY_BYTES)) == TOO_LARGE
    assert len(await harness.stored()) == 1


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
async def test_what_a_proxy_compressed_is_taken_from_who_has_the_token(harness: WebhookHarness, encoding: str) -> None:
    largest = FIRING + b" " * (MAX_BODY_BYTES - len(FIRING))
    assert await harness.post(gzip.compress(largest), **{"Content-Encoding": encoding}) == (200, "")
    assert [each.body.encode() for each in await harness.stored()] == [largest]


def _bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    spaces = b" " * MAX_BODY_BYTES
    return b"".join([packer.compress(FIRING), *(packer.compress(spaces) for _ in range(64)), packer.flush()])


NOT_COMPLETE = "The body is not one complete gzip member."


@pytest.mark.parametrize(
    ("data", "refusal"),
    [
        (_bomb(), TOO_LARGE),
        (gzip.compress(FIRING + b" " * MAX_BODY_BYTES), TOO_LARGE),
        (b"not gzip at all", (400, "The body is not gzip.")),
        (b"", (400, NOT_COMPLETE)),
        (gzip.compress(FIRING)[:-1], (400, NOT_COMPLETE)),
        (gzip.compress(FIRING)[:5], (400, NOT_COMPLETE)),
        (gzip.compress(FIRING) + b"rest", (400, NOT_COMPLETE)),
        (gzip.compress(FIRING) * 2, (400, NOT_COMPLETE)),
        (gzip.compress(b"") * 100_000, (400, NOT_COMPLETE)),
    ],
    ids=["bomb", "large", "other", "empty", "cut", "head", "more", "twice", "members"],
)
async def test_what_unpacks_to_nonsense_or_without_end_is_refused(
    harness: WebhookHarness, data: bytes, refusal: tuple[int, str]
) -> None:
    assert await harness.post(data, **{"Content-Encoding": "gzip"}) == refusal
    assert await harness.stored() == ()
    assert await harness.post() == (200, "")


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip", "gzip,identity", "x"])
async def test_other_encodings_are_refused_in_words(harness: WebhookHarness, encoding: str) -> None:
    told = await harness.post(gzip.compress(FIRING), **{"Content-Encoding": encoding})
    assert told == (415, "Send the body as it is or with gzip.")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br"])
async def test_what_strangers_compressed_is_not_even_looked_at(harness: WebhookHarness, encoding: str) -> None:
    told = await harness.post(gzip.compress(FIRING), **{"Content-Encoding": encoding, "Authorization": "Bearer wrong"})
    assert told == (401, "The token is missing or wrong.")

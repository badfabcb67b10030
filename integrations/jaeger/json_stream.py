"""Reads JSON piece by piece: the parts of a document that matter are given out as soon as they are complete.

The whole document is never in memory. ``integrations.http.read_response`` raises above its limit; here what was read counts.
"""

import codecs
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, Final

Path = tuple[str, ...]
"""Keys from the top; ``ITEM`` stands for any item of a list."""
ITEM: Final = "[]"
MAX_VALUE_LENGTH = 2 * 2**20
"""Characters of one part, to bound the memory."""
_SPACE = re.compile(r"[\s,]*")
_COLON = re.compile(r"\s*:")


class JsonStream:
    """Splits one document, or several after each other, into the values at and beside the ``opened`` paths.

    Containers at an opened path are walked through, and their end is given out, with the value ``END``; every other value is
    given out whole. Raises ValueError for what is no JSON, or for a value that is too long.
    """

    END: Final = object()

    def __init__(self, opened: Collection[Path]) -> None:
        self._opened = frozenset((*opened, ()))
        self._decoder, self._values = codecs.getincrementaldecoder("utf-8")(), json.JSONDecoder()
        self._text, self._at = "", 0
        self._path: list[str] = []
        self._closing: list[str] = []
        self._key: str | None = None

    def feed(self, chunk: bytes) -> Iterator[tuple[Path, Any]]:
        """What the next bytes complete."""
        self._text, self._at = self._text[self._at :] + self._decoder.decode(chunk), 0
        while (event := self._next()) is not None:
            yield event
        if len(self._text) - self._at > MAX_VALUE_LENGTH:
            raise ValueError("a value of the answer is too long, or is no JSON")

    def finish(self) -> None:
        """Raise ValueError where the document is incomplete."""
        self._decoder.decode(b"", final=True)
        if self._closing or self._text[self._at :].strip():
            raise ValueError("the answer ends in the middle")

    def _next(self) -> tuple[Path, Any] | None:
        while True:
            at = self._skip(_SPACE, self._at)
            if at >= len(self._text):
                return None
            if self._closing and self._text[at] == self._closing[-1]:
                return self._close(at)
            if self._closing and self._closing[-1] == "}" and self._key is None:
                if not self._read_key(at):
                    return None
                continue
            path = (*self._path, *self._step())
            if path in self._opened and self._text[at] in "{[":
                self._open(at)
                continue
            return self._whole(path, at)

    def _step(self) -> Path:
        if not self._closing:
            return ()
        return (ITEM,) if self._closing[-1] == "]" else (self._key or "",)

    def _open(self, at: int) -> None:
        self._path += self._step()
        self._closing.append("}" if self._text[at] == "{" else "]")
        self._key, self._at = None, at + 1

    def _close(self, at: int) -> tuple[Path, Any]:
        path = tuple(self._path)
        self._closing.pop()
        if self._closing:
            self._path.pop()
        self._key, self._at = None, at + 1
        return path, self.END

    def _read_key(self, at: int) -> bool:
        decoded = self._decoded(at)
        if decoded is None:
            return False
        key, end = decoded
        colon = _COLON.match(self._text, end)
        if colon is None:
            return False
        # A key that is no text is no JSON, but harmless: it is none of those that are looked for.
        self._key, self._at = str(key), colon.end()
        return True

    def _whole(self, path: Path, at: int) -> tuple[Path, Any] | None:
        decoded = self._decoded(at)
        # A number that ends with the chunk may go on in the next.
        if decoded is None or (decoded[1] == len(self._text) and self._text[at] not in '{["'):
            return None
        value, self._at = decoded
        self._key = None
        return path, value

    def _decoded(self, at: int) -> tuple[Any, int] | None:
        try:
            return self._values.raw_decode(self._text, at)
        except json.JSONDecodeError:
            return None  # Incomplete, or no JSON: the limit of length and the end of the answer tell.
        except RecursionError as error:
            raise ValueError("the answer is nested too deeply") from error

    def _skip(self, pattern: re.Pattern[str], at: int) -> int:
        found = pattern.match(self._text, at)
        return found.end() if found else at

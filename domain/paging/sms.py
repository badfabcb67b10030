"""A page as an SMS: in as few parts as possible, as each is paid and each may come alone.

A part has 140 bytes: 160 characters of the GSM alphabet (3GPP TS 23.038), or 70 as soon as one character is of another; in
messages of several parts 153 and 67.
"""

from collections.abc import Iterator

from domain.paging.ways import PageMessage

MAX_CHARACTERS = 1600
"""SNS refuses longer messages."""
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€")
"""Each takes the room of two."""
_SIMPLER = str.maketrans(
    {
        "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u2026": "...",
        "\u00b7": "-", "\u2022": "-", "\u00d7": "x", "\u2192": "->", "\u2264": "<=", "\u2265": ">=", "\u00a0": " ",
        "\u202f": " ", "\t": " ", "`": "'",
    }
)  # fmt: skip
"""Typographic characters, any of which would cost more than half of the room."""


def is_gsm(text: str) -> bool:
    """Whether every character is of the GSM alphabet."""
    return all(character in _BASIC or character in _EXTENDED for character in text)


def count_parts(text: str) -> int:
    """How many parts a text takes. A character of two units is not torn between two parts."""
    gsm = is_gsm(text)
    single, several = (160, 153) if gsm else (70, 67)
    widths = list(_widths(text, gsm=gsm))
    if sum(widths) <= single:
        return 1
    parts, used = 1, 0
    for width in widths:
        if used + width > several:
            parts, used = parts + 1, 0
        used += width
    return parts


def _widths(text: str, *, gsm: bool) -> Iterator[int]:
    for character in text:
        if gsm:
            yield 2 if character in _EXTENDED else 1
        else:
            yield 2 if ord(character) > 0xFFFF else 1


def simplify(text: str) -> str:
    """Write quotes, dashes and spaces with the GSM alphabet. Letters of other scripts stay."""
    return text.translate(_SIMPLER)


def sms_text(message: PageMessage, max_parts: int) -> str:
    """Headline, the lines that fit, and the link, in at most ``max_parts``. A headline that is too long is cut, a link never.

    A link that leaves no room is left out: half an address leads nowhere.
    """
    link = simplify(message.link)
    if link and not _fits(f"{'x' * 40}\n{link}", max_parts):
        link = ""
    ending = f"\n{link}" if link else ""
    text = _cut(simplify(message.headline), ending, max_parts)
    for line in map(simplify, message.facts):
        if not _fits(f"{text}\n{line}{ending}", max_parts):
            break
        text = f"{text}\n{line}"
    return text + ending


def _cut(text: str, ending: str, max_parts: int) -> str:
    if _fits(text + ending, max_parts):
        return text
    low, high = 0, len(text)
    while low < high:  # the longest beginning that fits
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _fits(f"{text[:middle]}...{ending}", max_parts) else (low, middle - 1)
    return f"{text[:low].rstrip()}..."


def _fits(text: str, max_parts: int) -> bool:
    return len(text) <= MAX_CHARACTERS and count_parts(text) <= max_parts

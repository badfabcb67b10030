"""Pictures of panels, as Grafana's renderer draws them."""

import struct
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from domain.dashboards.links import TimeRange
from domain.rich_text import Text

WIDTH, HEIGHT = 1_010, 510
"""Pixels. No picture that Grafana has ready has this size: instead of a panel it answers with one, and with 200."""
MAX_PICTURE_BYTES = 512 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelPicture:
    """A picture of a panel, or with ``problem`` why there is none. ``url`` shows the panel in Grafana."""

    title: str
    url: str
    shown: TimeRange
    png_base64: str = ""
    problem: Text = ""

    @classmethod
    def of(cls, title: str, url: str, shown: TimeRange, png: bytes) -> Self:
        """With this picture."""
        return cls(title=title, url=url, shown=shown, png_base64=b64encode(png).decode())

    @property
    def png(self) -> bytes:
        """The picture; empty where there is none."""
        return b64decode(self.png_base64)


def is_panel(png: bytes) -> bool:
    """Whether this is a picture of the size that was asked for, and not one that says what went wrong."""
    is_png = png.startswith(_PNG) and len(png) >= 24
    return is_png and struct.unpack(">II", png[16:24]) == (WIDTH, HEIGHT)

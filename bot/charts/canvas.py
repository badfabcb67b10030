"""Canvas: lines, dots, areas and text at pixels from the lower left corner. The only module that draws with matplotlib."""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from typing import Literal

from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import IdentityTransform

from bot.charts.frame import Spot

_DPI = 200
_POINT = 72 / _DPI
"""Points in a pixel: matplotlib measures lines and fonts in points."""

Align = Literal["left", "center", "right"]


class Canvas:
    """One picture. Later artists are drawn above earlier ones."""

    def __init__(self, width: int, height: int, paper: str) -> None:
        self._figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, facecolor=paper)
        self._agg = FigureCanvasAgg(self._figure)
        self._layer = 0

    def line(
        self,
        spots: Sequence[Spot],
        colour: str,
        *,
        width: float,
        dashes: Sequence[float] = (),
        marker: str = "",
        marker_indexes: Sequence[int] = (),
    ) -> None:
        """Draw a line through ``spots``. ``marker_indexes``: spots with a marker. ``dashes`` are in line widths."""
        artist = Line2D(
            [x for x, _ in spots],
            [y for _, y in spots],
            color=colour,
            linewidth=width * _POINT,
            linestyle=(0, tuple(dashes)) if dashes else "-",
            dash_capstyle="butt",
            solid_capstyle="round",
            solid_joinstyle="round",
            marker=marker or None,
            markersize=width * 3.2 * _POINT,
            markeredgewidth=0,
            markevery=list(marker_indexes),
            transform=IdentityTransform(),
            zorder=self._next_layer(),
        )
        self._figure.add_artist(artist)

    def dot(self, spot: Spot, colour: str, *, size: float, marker: str = "o", rim: str = "") -> None:
        """Draw a marker of ``size`` pixels. ``rim``: colour of its edge, which separates it from the lines."""
        x, y = spot
        artist = Line2D(
            [x],
            [y],
            color=colour,
            linestyle="none",
            marker=marker,
            markersize=size * _POINT,
            markeredgecolor=rim or colour,
            markeredgewidth=3 * _POINT if rim else 0,
            transform=IdentityTransform(),
            zorder=self._next_layer(),
        )
        self._figure.add_artist(artist)

    def area(self, corner: Spot, size: Spot, colour: str, *, rim: bool = False, hatch: str = "", ink: str = "") -> None:
        """Draw a filled rectangle, or only its rim. ``hatch`` is matplotlib's pattern, drawn over the filling in ``ink``."""
        artist = Rectangle(
            corner,
            *size,
            facecolor="none" if rim else colour,
            edgecolor=colour if rim else ink or "none",
            hatch=hatch or None,
            linewidth=0 if hatch else 2 * _POINT,
            transform=IdentityTransform(),
            zorder=self._next_layer(),
        )
        self._figure.add_artist(artist)

    def text(
        self, spot: Spot, text: str, colour: str, *, size: float, bold: bool = False, align: Align = "left", middle: bool = True
    ) -> None:
        """Draw text at ``spot``: its start, centre or end by ``align``, its vertical middle or its baseline by ``middle``."""
        artist = Text(
            *spot,
            text,
            color=colour,
            fontproperties=_font(size, bold=bold),
            horizontalalignment=align,
            verticalalignment="center_baseline" if middle else "baseline",
            parse_math=False,
            transform=IdentityTransform(),
            zorder=self._next_layer(),
        )
        self._figure.add_artist(artist)

    def width(self, text: str, *, size: float, bold: bool = False) -> float:
        """Width of the text in pixels."""
        renderer = self._agg.get_renderer()  # type: ignore[no-untyped-call]  # not annotated there
        measured: float = renderer.get_text_width_height_descent(text, _font(size, bold=bold), ismath=False)[0]
        return measured

    def png(self) -> bytes:
        """The picture as PNG, without time or version, so that equal drawings have equal bytes. Call it once, at the end."""
        buffer = BytesIO()
        self._agg.print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]  # not annotated there
        # The artists and the renderer form reference cycles, which live until a later garbage collection.
        # Clearing the renderer frees its pixels at once.
        vars(self._agg.renderer).clear()
        return buffer.getvalue()

    def _next_layer(self) -> int:
        self._layer += 1
        return self._layer


@cache
def has_glyph(letter: str, *, bold: bool) -> bool:
    """Whether the font has a glyph for the letter."""
    return ord(letter) in _letters(bold=bold)


@cache
def _letters(*, bold: bool) -> frozenset[int]:
    return frozenset(get_font(_font_file(bold=bold)).get_charmap())


@cache
def _font(size: float, *, bold: bool) -> FontProperties:
    return FontProperties(fname=_font_file(bold=bold), size=size * _POINT)


def _font_file(*, bold: bool) -> str:
    """The font that is part of matplotlib, so that pictures are the same on every machine."""
    return f"{get_data_path()}/fonts/ttf/DejaVuSans{'-Bold' if bold else ''}.ttf"

"""Dashboards as Grafana describes them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FoundDashboard:
    """One result of a search."""

    uid: str
    title: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of a dashboard. ``options`` are the values of a fixed list; empty where Grafana finds them out itself."""

    name: str
    kind: str
    """Grafana's word: ``query``, ``custom``, ``textbox``, ``constant``, ``datasource``, ``interval``, ``adhoc``."""
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel, by its id in the dashboard."""

    id: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """A dashboard with its variables and panels, those in folded rows included."""

    uid: str
    title: str
    folder: str = ""
    variables: tuple[Variable, ...] = ()
    panels: tuple[Panel, ...] = ()

    def panels_named(self, words: str) -> tuple[Panel, ...]:
        """The panels in whose title each of the words occurs."""
        wanted = words.casefold().split()
        return tuple(panel for panel in self.panels if all(word in panel.title.casefold() for word in wanted))

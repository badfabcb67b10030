"""Answers about dashboards."""

from dataclasses import dataclass

from domain.dashboards.links import TimeRange
from domain.facts import Answer
from domain.rich_text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardLink:
    """A dashboard, or with ``panel`` one of its panels. ``variables`` are those that the address carries."""

    title: str
    url: str
    folder: str = ""
    environment: str = ""
    """The environment in whose Grafana it is; the first one, where several share it."""
    uid: str = ""
    panel: str = ""
    panel_id: int = 0
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardsAnswer(Answer):
    """Dashboards that fit, those of the catalogue first. ``problems`` say what could not be found out."""

    title: str
    shown: TimeRange
    links: tuple[DashboardLink, ...] = ()
    problems: tuple[Text, ...] = ()
    more: int = 0
    """How many fit besides; at least so many where Grafana stopped counting."""
    picture: Text = ""
    """Whether a picture of the panel follows; empty where no single panel is meant."""
    all_url: str = ""
    """Where Grafana lists all of them."""

"""What Grafana's HTTP API answers, validated, in our words."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter

from domain.dashboards.annotations import StoredAnnotation
from domain.dashboards.dashboards import Dashboard, FoundDashboard, Panel, Variable

UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
"""What Grafana allows in a uid."""
MAX_PANELS = 500
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class _Found(BaseModel):
    uid: str
    title: str
    folder: str = Field(default="", alias="folderTitle")
    type: str = "dash-db"


class _Option(BaseModel):
    value: Any = ""


class _Variable(BaseModel):
    name: str
    type: str = ""
    options: list[_Option] | None = None


class _Templating(BaseModel):
    list: tuple[_Variable, ...] = ()


class _LibraryPanel(BaseModel):
    name: str = ""


class _Panel(BaseModel):
    id: int = 0
    title: str | None = ""
    type: str = ""
    library_panel: _LibraryPanel | None = Field(default=None, alias="libraryPanel")
    panels: "tuple[_Panel, ...] | None" = None
    """Of a row that is folded."""


class _DashboardBody(BaseModel):
    uid: str
    title: str
    templating: _Templating = _Templating()
    panels: tuple[_Panel, ...] | None = None


class _Meta(BaseModel):
    folder: str = Field(default="", alias="folderTitle")


class _DashboardAnswer(BaseModel):
    dashboard: _DashboardBody
    meta: _Meta = _Meta()


class _Annotation(BaseModel):
    id: int
    time: int
    time_end: int = Field(default=0, alias="timeEnd")
    text: str = ""
    tags: tuple[str, ...] | None = None


class _Created(BaseModel):
    id: int


class _Health(BaseModel):
    database: str
    version: str = ""


class _FrontendSettings(BaseModel):
    renderer_available: bool = Field(default=False, alias="rendererAvailable")


_FOUND = TypeAdapter(tuple[_Found, ...])
_ANNOTATIONS = TypeAdapter(tuple[_Annotation, ...])


def parse_found(body: bytes) -> tuple[FoundDashboard, ...]:
    """Dashboards of a search, in Grafana's order; folders, and what cannot be linked to, are left out."""
    found = _FOUND.validate_json(body)
    return tuple(
        FoundDashboard(each.uid, each.title, each.folder) for each in found if each.type == "dash-db" and UID.fullmatch(each.uid)
    )


def parse_dashboard(body: bytes) -> Dashboard:
    """One dashboard."""
    answer = _DashboardAnswer.model_validate_json(body)
    return Dashboard(
        uid=answer.dashboard.uid,
        title=answer.dashboard.title,
        folder=answer.meta.folder,
        variables=tuple(map(_to_variable, answer.dashboard.templating.list)),
        panels=tuple(_to_panels(answer.dashboard.panels or ()))[:MAX_PANELS],
    )


def parse_annotations(body: bytes) -> tuple[StoredAnnotation, ...]:
    """Annotations, the oldest id first."""
    found = sorted(_ANNOTATIONS.validate_json(body), key=lambda each: each.id)
    return tuple(
        StoredAnnotation(
            id=each.id,
            since=_time(each.time),
            until=_time(each.time_end or each.time),
            text=each.text,
            tags=each.tags or (),
        )
        for each in found
    )


def parse_created_id(body: bytes) -> int:
    """The id of what was created."""
    return _Created.model_validate_json(body).id


def parse_version(body: bytes) -> str:
    """The version; empty where Grafana does not tell strangers."""
    return _Health.model_validate_json(body).version


def parse_can_render(body: bytes) -> bool:
    """Whether Grafana has a renderer."""
    return _FrontendSettings.model_validate_json(body).renderer_available


def _to_variable(variable: _Variable) -> Variable:
    # Of a query the options are what somebody saw when they saved the dashboard: the list of a custom variable only is fixed.
    options = variable.options or [] if variable.type == "custom" else []
    return Variable(variable.name, variable.type, tuple(each.value for each in options if isinstance(each.value, str)))


def _to_panels(panels: tuple[_Panel, ...]) -> list[Panel]:
    found: list[Panel] = []
    for panel in panels:
        if panel.type == "row":
            found += _to_panels(panel.panels or ())
        elif title := panel.title or (panel.library_panel.name if panel.library_panel else ""):
            found.append(Panel(panel.id, title))
    return found


def _time(milliseconds: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=milliseconds)

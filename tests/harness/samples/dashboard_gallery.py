"""One believable fact of each kind that shows dashboards."""

from dataclasses import replace
from datetime import timedelta

from domain.answers.dashboards import DashboardLink, DashboardsAnswer
from domain.dashboards.links import TimeRange
from domain.dashboards.pictures import HEIGHT, WIDTH, PanelPicture
from sandbox.grafana.render_api import png
from tests.harness.families import Fact
from tests.harness.samples.operations import NOW

SHOWN = TimeRange(NOW - timedelta(hours=3), NOW)
URL = "https://grafana.example.com/d/deep-echo-main?from=1&to=2&var-environment=production"
MAIN = DashboardLink(
    title="Deep Echo: main",
    folder="Platform",
    url=URL,
    variables=(("environment", "production"), ("service", "deep-echo-main")),
)
LONG = DashboardLink(title=f"Latency <!channel> of {'a very long title ' * 8}", url=URL)
FOUND = DashboardsAnswer(
    title="Dashboards with “main” for production",
    shown=SHOWN,
    links=(MAIN, LONG, DashboardLink(title="Deep Echo: main", url=URL, panel="p95 | by pod > 100 ms", variables=MAIN.variables)),
    more=12,
    all_url="https://grafana.example.com/dashboards?query=main",
)
PICTURE = PanelPicture.of("Deep Echo: main: Errors (%)", URL, SHOWN, png(WIDTH, HEIGHT, 200))
DASHBOARD_GALLERY: dict[str, Fact] = {
    "dashboards": FOUND,
    "a panel's picture": PICTURE,
    "no picture": PanelPicture(title="p95 <!channel>", url=URL, shown=SHOWN, problem="Grafana did not draw it within 40 s."),
    "one panel": DashboardsAnswer(
        title="Dashboards for production, panels with “errors”",
        shown=SHOWN,
        links=(replace(MAIN, panel="Errors (%)"),),
        picture="A picture follows in a direct message.",
    ),
    "no dashboards": DashboardsAnswer(title="Dashboards with “mian”", shown=SHOWN),
    "dashboards without Grafana": DashboardsAnswer(
        title="Dashboards for production",
        shown=SHOWN,
        links=(MAIN,),
        problems=("Grafana at grafana.example.com did not answer within 4 s. Only what the catalogue names is here.",),
    ),
}

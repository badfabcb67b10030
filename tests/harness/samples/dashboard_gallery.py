"""One believable fact of each kind that shows dashboards."""

from datetime import timedelta

from domain.answers.dashboards import DashboardLink, DashboardsAnswer
from domain.dashboards.links import TimeRange
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
DASHBOARD_GALLERY: dict[str, Fact] = {
    "dashboards": FOUND,
    "no dashboards": DashboardsAnswer(title="Dashboards with “mian”", shown=SHOWN),
    "dashboards without Grafana": DashboardsAnswer(
        title="Dashboards for production",
        shown=SHOWN,
        links=(MAIN,),
        problems=("Grafana at grafana.example.com did not answer within 4 s. Only what the catalogue names is here.",),
    ),
}

"""A strict stand-in for Grafana: search, dashboards, annotations, and pages that the bot's links lead to."""

from sandbox.grafana.server import GRAFANA_TOKEN, StandInGrafana

__all__ = ["GRAFANA_TOKEN", "StandInGrafana"]

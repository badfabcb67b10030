"""Grafana: its dashboards, annotations on them, and pictures of panels where it has a renderer."""

from integrations.grafana.client import Grafana, headers_of, open_grafana

__all__ = ["Grafana", "headers_of", "open_grafana"]

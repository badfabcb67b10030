"""Dashboards of Grafana: what is known of them, links to them, and annotations on them."""

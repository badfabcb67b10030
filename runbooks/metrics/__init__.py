"""Metrics: what Prometheus is asked for people."""

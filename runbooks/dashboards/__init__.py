"""Dashboards: finding them, and writing annotations on them."""

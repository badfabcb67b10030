"""Alerts, restart-safe: intake, storms, enrichment, suspects, timers."""

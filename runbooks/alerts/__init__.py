"""Alerts: intake, storms, enrichment, suspects, timers. All state that must survive a restart is in the database."""

"""Incidents: their record, transitions, clocks and timeline. Pure."""

"""Incidents: the service behind commands and buttons, what alerts and operations change, clocks, and the watch."""

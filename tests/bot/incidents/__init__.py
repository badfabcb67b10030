"""Incidents in the whole process, on a local Slack."""

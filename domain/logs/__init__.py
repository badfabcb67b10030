"""Logs: lines, what is looked for in them, and their patterns."""

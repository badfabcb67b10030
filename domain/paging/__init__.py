"""Paging: how people are called, and what was sent to whom."""

"""Leases: what the bot has set in other systems, by whom, until when, and how to undo it."""

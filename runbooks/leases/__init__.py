"""Leases: what the bot has set elsewhere, compared with reality."""

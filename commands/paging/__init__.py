"""Commands that page people and rehearse it."""

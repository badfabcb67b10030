"""Commands that change the platform, decide about changes, and lock environments."""

"""The digest of every morning: when it is due, and what it says."""

"""The commands of on-call."""

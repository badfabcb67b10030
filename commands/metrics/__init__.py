"""The commands of metrics."""

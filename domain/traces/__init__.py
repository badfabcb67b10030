"""Traces: spans, their tree, the critical path."""

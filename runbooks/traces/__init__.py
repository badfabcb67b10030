"""Traces: what Jaeger is asked for people."""

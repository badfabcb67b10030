"""Jaeger: traces of a service, and single traces, read within a budget."""

from integrations.jaeger.client import Jaeger, open_jaeger

__all__ = ["Jaeger", "open_jaeger"]

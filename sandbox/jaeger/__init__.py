"""A strict stand-in of Jaeger's query service: its stable HTTP API v3, and the older one of its user interface."""

from sandbox.jaeger.model import StoredSpan, Trouble
from sandbox.jaeger.server import StandInJaeger

__all__ = ["StandInJaeger", "StoredSpan", "Trouble"]

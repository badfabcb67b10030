"""Expressions, samples and charts."""

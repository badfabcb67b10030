"""The HTTP server: health, metrics and webhooks."""

"""Commands about the deploy guard."""

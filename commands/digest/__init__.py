"""Commands about health and the digest."""

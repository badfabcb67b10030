"""Health now, and the digest of every morning."""

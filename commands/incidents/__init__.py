"""Commands of incidents."""

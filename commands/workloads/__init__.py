"""Commands about what runs in clusters."""

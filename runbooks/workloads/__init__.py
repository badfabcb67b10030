"""What people look at in clusters."""

"""What changed around an alert, and which change is the suspect."""

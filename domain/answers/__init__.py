"""What commands answer, as facts."""

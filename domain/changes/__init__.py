"""Changes of the platform around an alert, and the suspects among them."""

"""Small real classes that stand where the real one cannot: typed, shared, asserted on by their state."""

"""Who is on call: rotations, overrides, shifts, gaps. Pure: an instant, the catalogue and what is stored decide."""

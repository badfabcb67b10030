"""Paging: calls people step by step, sends by every way, takes acknowledgements, proves that nobody is forgotten."""

"""The catalogue: environments, services, roles, routes, as its file names them."""

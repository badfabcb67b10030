"""The deploy guard: whether a service does worse since a deploy, and what follows."""

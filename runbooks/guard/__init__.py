"""The deploy guard: measures during the bake time, and puts the old version back."""

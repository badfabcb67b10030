"""One module for each family: its parts, made and connected. ``bot.wiring`` opens them."""

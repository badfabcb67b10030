"""Alert groups: labels, routes, states, silences, storms, watchdogs."""

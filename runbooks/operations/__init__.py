"""Operations, restart-safe: plan, approve, change, watch, verify, recover."""

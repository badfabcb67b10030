"""Operations that survive restarts: plan, approve, change, watch, verify, recover."""

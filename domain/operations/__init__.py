"""Operations: their plans, versions, locks and approvals."""

"""Controls: what an uncensored observer sees for the same endpoints."""

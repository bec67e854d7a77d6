"""The page: what a store holds, shown read-only to its owner; sends no packet."""

"""The timelines on disk; rows never leave this package."""

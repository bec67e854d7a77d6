"""Foreign measurements made ours: OONI JSON, timeline CSV."""

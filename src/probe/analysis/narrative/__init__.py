"""A round's look at one endpoint, told step by step in plain words; pure, from values only."""

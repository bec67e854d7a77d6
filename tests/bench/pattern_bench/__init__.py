"""How well daily windows are found: known worlds, four kinds of noise, and other methods beside."""

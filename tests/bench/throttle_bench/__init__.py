"""Slowed transfers with known truth: a simulated network, and nothing of the program in it."""

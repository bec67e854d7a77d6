"""What is measured when: plans, rate limits, budgets, and the runner."""

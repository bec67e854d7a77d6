"""Pure judgement: gates, rules, verdicts, roll-ups, timelines and patterns."""

"""The evaluator's own state and decisions."""

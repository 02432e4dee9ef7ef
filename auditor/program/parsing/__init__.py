"""Text to tree to the statements that the evaluator follows."""

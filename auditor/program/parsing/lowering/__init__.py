"""LibCST's tree to Python's own, one file a kind of syntax."""

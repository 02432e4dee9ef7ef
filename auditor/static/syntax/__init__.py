"""One file a kind of Python syntax."""

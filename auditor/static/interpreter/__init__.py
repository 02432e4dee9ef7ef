"""The machine: what an evaluation knows, and what its parts ask of values."""

"""What names of libraries mean: tables alone, a file a library, below everything that evaluates."""

"""What functions of libraries do that a name in a table cannot say: a file a library."""

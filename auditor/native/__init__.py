"""What functions written in C or C++ do with the arrays they are given, read from their source."""

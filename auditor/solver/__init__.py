"""Exact integer arithmetic: expressions, axioms, simplex, search."""

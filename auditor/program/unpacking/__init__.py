"""Packed layers opened by interpreting a closed list of pure calls, never executed."""

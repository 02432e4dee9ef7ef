"""Experiments on a run: tokens exchanged, sums taken, conditions answered."""

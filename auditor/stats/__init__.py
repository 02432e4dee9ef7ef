"""Significance of a gain: t-tests, units, margin, power. Knows numbers only, no folders."""

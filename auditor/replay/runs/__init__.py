"""Runs of the replayed process: what was asked, what it recorded, what it printed."""

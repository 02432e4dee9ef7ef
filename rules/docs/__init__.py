"""A rule's documentation, read from its module, and the catalogue."""

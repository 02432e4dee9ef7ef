"""What a maintainer asks of a pull request: scope, significance against the frontier of its date, lineage."""

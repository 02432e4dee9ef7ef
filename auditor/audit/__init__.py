"""The straight line: targets, the pipeline, both witnesses."""

"""Answers kept by content: an audit whose every input is the same is not made again."""

"""Parts that the rules' examples share."""

"""What becomes an event: scores, updates, lookups, masks, bytes, selections."""

"""Rules asked of what was read: findings, verdict, result."""

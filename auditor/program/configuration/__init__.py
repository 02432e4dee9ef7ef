"""Settings in force: source, README, run scripts, logs."""

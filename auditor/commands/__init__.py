"""One module a command, each with a click command named `command`; `auditor.cli` loads it when called."""

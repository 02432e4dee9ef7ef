"""One module a command; each holds a click command named `command`, loaded by `auditor.cli` when it is called."""

"""The toy world of a replay: data, sizes, executables."""

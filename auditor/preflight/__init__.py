"""Before a run is paid for: the code's verdict, what will be asked of the entry, bytes, seconds, seeds."""

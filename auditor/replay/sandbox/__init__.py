"""The sandbox: isolation levels, each by means of the Linux kernel, none of them Python's own.

`isolation_levels` chooses the highest level that works on this machine, `enter` is what runs first inside it.
"""

"""The sandbox: a ladder of rungs, each by means of the Linux kernel, none of them Python's own.

`ladder` chooses the highest rung that works on this machine, `enter` is what runs first inside it.
"""

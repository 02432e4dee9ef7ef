"""What runs inside the sandbox: the fork server, the stand-ins for GPU libraries and the recorder.

Imports torch. Nothing in here decides anything: it writes down what happened, and the parent judges.
"""

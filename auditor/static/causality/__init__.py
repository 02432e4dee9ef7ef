"""The model's forward pass, followed: which tokens each row of the logits may depend on.

A submitted model is interpreted, never executed. Shapes are concrete; a tensor holds, for each element, the latest
token of the stream that it may depend on (`tensor`). The operations of the library are transfer functions on these
positions (`operations`); what is written in Python is walked (`interpreter`). `proof` says what follows of it.
"""

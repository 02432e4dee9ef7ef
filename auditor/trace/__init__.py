"""The event language: what the witnesses say and the rules judge.

`linear` and `prover` are the arithmetic of positions, `region` says which tokens, `events` what happened,
`tree` in which loops and branches, `trace` holds it together with the questions rules ask, `render` prints it.
"""

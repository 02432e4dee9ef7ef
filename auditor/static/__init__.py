"""The static witness: predicts the trace of a script's evaluation by partial evaluation, without running it.

From the ground up: `names` says what calls of libraries mean, `domain` is what is known of a value, `interpreter` owns
the state of one evaluation, `causality` proves forward passes on their own, `effects` turns what happens to tokens into
events, `transfer` says what calls do, `syntax` what each construct does; `evaluator` puts the rooms together and
`predict` is the entry.
"""

"""The static witness: predicts the trace of a script's evaluation by partial evaluation, without running it.

`values` and `heap` are the abstract domain; `machine` is the state of one evaluation; `statements`, `loops`,
`expressions`, `subscripts`, `calls`, `modules`, `methods` and `library` say what each construct does to it;
`scoring` turns what happens to tokens into events; `witness` is the entry.
"""

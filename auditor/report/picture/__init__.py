"""The order of scores and updates as a picture: validation tokens from left to right, time from top to bottom.

A score is a filled cell in the colour of the state that learnt last, an update a hatched bar over the tokens it
learns from. Score-first is a staircase of one over the other; training first is a block above it; what is scored
after it was learnt from is red, and one arrow joins the pair. `scene` holds what is shown, `symbolic` makes it from a
static trace, `measured` from a replayed one, `svg` draws it. It is made from the trace and the rules' answers
alone and shows no event that the trace does not hold.
"""

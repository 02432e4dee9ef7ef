"""Two short submissions written for this project: one legal, one that trains before it scores.

`make audit` shows them. They are data: nothing imports them. Their first lines say what the audit must
answer.
"""

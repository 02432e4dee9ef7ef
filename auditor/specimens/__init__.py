"""Two short submissions written for this project, shown by `make audit`: one legal, one that trains before
it scores.

They are data: nothing imports them. Their first lines say what they are and what the audit must answer.
"""

"""The full-size run: a submission launched as its author launches it, measured from outside.

Nothing is said by the submission that decides: seconds are the parent's, bytes those of files as the evaluation opened
them, and what the script prints is a claim that is held against both.
"""

"""From bytes to a program: unpacking, parsing, lowering, effective configuration.

Second station of the line: a `Submission` gives the script and its siblings, this package gives a
`Program` (layers of `ast` trees, what runs where, what could not be had) and the `Settings` the claimed
run was made under. Nothing here runs, imports or unpickles a line of the submission.
"""

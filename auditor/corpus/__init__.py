"""Many submissions at once: a pool that survives its workers, agreement with labels, a dashboard.

Stands on the pipeline's result; judges nothing itself.
"""

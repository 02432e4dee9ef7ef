"""The compliance auditor for the Parameter Golf challenge.

The straight line: a target becomes a `Submission` (`auditor.submission`), its script a `Program`
(`auditor.program`), the program a `Trace` of events (`auditor.static`), and the rules (`rules`) judge
the trace. `auditor.audit.pipeline` is that line in code. From Python it is used by `auditor.api`.
"""

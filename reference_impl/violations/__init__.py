"""Three evaluators that BREAK the rules, for study and for testing auditors. Never report their numbers.

They have the compliant evaluators' signature and also score every token once; what is wrong is what the
scored distribution had already learned.
"""

from __future__ import annotations

"""Evaluations: which training comes next, what the numbers say, and the table in several formats. No I/O.

Read ``planning`` (trials for free slots) → ``statistics`` (paired differences) → ``verdicts`` (in words) →
``table`` (all of it) → ``exports`` and ``report`` (what people take away) → ``local`` (the same plan without
a service).
"""

"""How tightly text and formulas bind: what decides where parentheses stand."""

from __future__ import annotations

#: Loosest first; what stands inside an operator of one level is set in parentheses if its own is lower.
COMPARISON, SUM, PRODUCT, POWER, ATOM = range(5)

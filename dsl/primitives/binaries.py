"""The binary functions, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from dsl import layout
from dsl.layout import DOT, ODOT
from dsl.precedence import PRODUCT, SUM
from dsl.primitives.rows import BinaryRow

#: By name, in the order of the tables in ``docs/language.md``.
BINARIES: Mapping[str, BinaryRow] = MappingProxyType(
    {
        row.name: row
        for row in (
            BinaryRow(
                "add", "x + y", lambda x, y: layout.infix(layout.operator("+"), x, y, SUM), commutes=True
            ),
            BinaryRow("subtract", "x - y", lambda x, y: layout.infix(layout.operator("-", "−"), x, y, SUM)),
            BinaryRow("multiply", "x * y", lambda x, y: layout.infix(ODOT, x, y, PRODUCT), commutes=True),
            BinaryRow(
                "divide", "x / y", layout.fraction, decision="The divisor is kept from zero as in 1 / x."
            ),
            BinaryRow(
                "matmul",
                "x @ y",
                lambda x, y: layout.infix(DOT, x, y, PRODUCT),
                shape="matmul",
                decision=(
                    "OUT @ WEIGHT is the linear operation's transpose (A: convolutions map to "
                    "transposed convolutions), IN @ WEIGHT.T the operation without bias, TOP @ "
                    "R_L the top signal's way down. Nothing else has one meaning for dense and "
                    "convolutional layers."
                ),
            ),
            BinaryRow(
                "left",
                "left(x, y)",
                lambda x, y: layout.call(layout.word("left"), x, y),
                shape="left",
                decision=(
                    "x; y is never computed, so nothing about y matters. `left(x, g)` may be written `x`."
                ),
            ),
            BinaryRow("min", "min(x, y)", lambda x, y: layout.call(layout.word("min"), x, y), commutes=True),
            BinaryRow("max", "max(x, y)", lambda x, y: layout.call(layout.word("max"), x, y), commutes=True),
        )
    }
)

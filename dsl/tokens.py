"""Text to tokens: numbers, names and signs, in all the spellings that are understood."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from dsl.equation import MAX_OPERATIONS
from dsl.errors import EquationSyntaxError

#: Four times what ``to_text`` writes at most, and read in a few milliseconds.
MAX_CHARACTERS = 1000


class Token(NamedTuple):
    """``kind`` is number, name, sign, power, transpose or end; ``column`` is 1-based."""

    kind: str
    text: str
    column: int


#: Spellings of one sign.
SIGNS = {
    "−": "-", "–": "-", "⊙": "*", "×": "*", "∘": "*", "·": "@", "⋅": "@", "÷": "/", "**": "^", "²": "^2", "³":
    "^3", "⁺": "^+", "ᵗ": ".T", "ᵀ": ".T", "∞": "inf",
}  # fmt: skip

#: Names that are spelled with a combining mark or a letter outside ASCII.
SPELLINGS = {
    "m\N{COMBINING CIRCUMFLEX ACCENT}": "mean",
    "s\N{COMBINING CIRCUMFLEX ACCENT}": "std",
    "ŝ": "std",
    "√": "sqrt",
}

_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<transpose>\.T\b|ᵗ|ᵀ)
      | (?P<power>²|³|⁺)
      | (?P<name>[ms]\u0302|\u015d|√|∞|∂?[A-Za-z_][A-Za-z0-9_]*)
      | (?P<sign>\*\*|[-+*/@^(),.|>_‖−–⊙×∘·⋅÷])""",
    re.VERBOSE | re.ASCII,
)

_HOMOGLYPHS = dict(zip("аеорсухіјԁɡհԝѕһℎ⍺αχνοβ＊", "aeopcyxijdghwshhaaxvob*", strict=True))


def tokens_of(text: str, spelled: re.Pattern[str], names: Mapping[str, str]) -> list[Token]:
    """Splits ``text``. ``spelled`` matches what spells an operand; ``names`` says which, without blanks."""
    if len(text) > MAX_CHARACTERS:
        raise EquationSyntaxError(
            f"the text is longer than {MAX_CHARACTERS} characters",
            column=MAX_CHARACTERS + 1,
            hint=f"an equation has at most {MAX_OPERATIONS} operations and fits on a line",
        )
    tokens, at = [], 0
    while at < len(text):
        match = spelled.match(text, at)
        if match:
            tokens.append(Token("name", names["".join(match.group().split())], at + 1))
            at = match.end()
            continue
        match = _TOKENS.match(text, at)
        if match is None:
            raise _unexpected_character(text[at], at + 1)
        if match.lastgroup != "space":
            tokens.append(Token(match.lastgroup or "sign", match.group(), at + 1))
        at = match.end()
    tokens.append(Token("end", "the end of the text", len(text.rstrip()) + 1))
    return tokens


def _unexpected_character(character: str, column: int) -> EquationSyntaxError:
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    plain = _HOMOGLYPHS.get(character) or unicodedata.normalize("NFKC", character)
    like = plain if plain != character and plain.isascii() and plain.isprintable() else None
    hint = (
        f"it looks like {like!r}: type that" if like else "names are letters, digits and _; see the notation"
    )
    return EquationSyntaxError(f"unexpected character {character!r} ({name})", column=column, hint=hint)

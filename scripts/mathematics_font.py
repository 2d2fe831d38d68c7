"""Makes the font in which the pages set mathematics: the part of STIX Two Math that equations need.

The whole font has 1.5 MB; browsers need its MATH table (how fractions, roots and growing parentheses are
set), which no web font of text carries. It comes inside a package of Python's index, pinned by checksum:

    pip install brotli fonttools
    python scripts/mathematics_font.py

It writes ``api/static/mathematics.woff2``; the licence stands beside it.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

PACKAGE = "ziamath==0.13"
SHA256 = "67a9b9714101fc90c2d6d0328e578f3ac311fb007644f2bbb9314ba2bc1c1459"
INSIDE = "ziamath/fonts/STIXTwoMath-Regular.ttf"
OUTPUT = Path(__file__).parents[1] / "api" / "static" / "mathematics.woff2"
#: Letters and digits of functions' names and constants; what browsers make of a variable's letter: the
#: italic alphabets; operators, delimiters and accents.
CHARACTERS = (
    *range(0x20, 0x7F),
    *range(0x1D434, 0x1D468),
    *range(0x1D6E2, 0x1D71C),
    *range(0x3B1, 0x3CA),
    *(ord(each) for each in "ℎ·−±×÷∂∇⊙⊗⋅√∞∈∑∏←→≤≥≠≈‖∥|′″…⁻ˆ^‾~∘⊤"),
    0x302,
    0x2061,
)


def packed_font(folder: Path) -> bytes:
    """The font out of the package. Raises ``SystemExit`` for another content than the one that was tried."""
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check")
    subprocess.run((*pip, "--only-binary", ":all:", "--dest", folder, PACKAGE), check=True)
    (wheel,) = folder.glob("*.whl")
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        sys.exit(f"{wheel.name} has the checksum {found}, not {SHA256}: look at what changed")
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(INSIDE)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        font = TTFont(io.BytesIO(packed_font(Path(folder))))
    options = subset.Options(flavor="woff2", layout_features=["ssty", "dtls"], name_IDs=[0, 1, 2, 5, 13, 14])
    options.hinting = False
    reduced = subset.Subsetter(options)
    reduced.populate(unicodes=CHARACTERS)
    reduced.subset(font)
    subset.save_font(font, str(OUTPUT), options)
    print(f"{OUTPUT.name}: {OUTPUT.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()

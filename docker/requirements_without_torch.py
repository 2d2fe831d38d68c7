"""Print the runtime requirements of a pyproject.toml but torch and torchvision, one a line."""

import re
import sys
import tomllib
from pathlib import Path

TORCH_ONLY = {"torch", "torchvision"}

for requirement in tomllib.loads(Path(sys.argv[1]).read_text())["project"]["dependencies"]:
    if re.split(r"[\s\[<>=;!~]", requirement, maxsplit=1)[0] not in TORCH_ONLY:
        sys.stdout.write(requirement + "\n")

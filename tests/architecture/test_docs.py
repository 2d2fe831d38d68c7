"""Documentation that is run: links resolve, commands exist, images start what is there."""

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)]*)?\)")
SHELL_BLOCK = re.compile(r"```(?:sh|bash|console)\n(.*?)```", re.DOTALL)


def shell_commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in SHELL_BLOCK.findall(page.read_text()):
            joined = block.replace("\\\n", " ")
            found += [(page.name, line.removeprefix("$ ").strip()) for line in joined.splitlines()]
    return [(page, line) for page, line in found if line and not line.startswith("#")]


def commands_of(program: str) -> list[str]:
    lines = {line for _, line in shell_commands() if line.split()[0] == program}
    return sorted(lines)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page: Path) -> None:
    broken = [link for link, _ in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []


def test_every_page_is_linked_from_another() -> None:
    linked = {
        (page.parent / link).resolve()
        for page in PAGES
        for link, _ in LINK.findall(page.read_text())
        if link.endswith(".md") and (page.parent / link).resolve() != page
    }
    assert [page.name for page in PAGES if page.name != "README.md" and page not in linked] == []


def test_make_targets_in_the_pages_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = {word for line in commands_of("make") for word in shlex.split(line)[1:2]}
    assert used
    assert used <= targets


def test_cli_commands_in_the_pages_exist() -> None:
    from typer.main import get_command

    from backprop_evo.cli.main import app

    root = get_command(app)
    assert commands_of("backprop-evo")
    for line in commands_of("backprop-evo"):
        words = shlex.split(line, comments=True)[1:]
        command = root
        while words and hasattr(command, "commands") and not words[0].startswith("-"):
            assert words[0] in command.commands, f"no such command: {line}"
            command = command.commands[words.pop(0)]
        known = {
            option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
        }
        unknown = [
            w.split("=")[0]
            for w in words
            if re.match(r"--?[a-z]", w) and w.split("=")[0] not in {*known, "--help"}
        ]
        assert unknown == [], f"unknown options in: {line}"


def test_scripts_named_in_the_pages_exist() -> None:
    named = {
        path for page in PAGES for path in re.findall(r"(?:benchmarks|examples)/\w+\.py", page.read_text())
    }
    assert named
    assert [path for path in sorted(named) if not (ROOT / path).is_file()] == []


def test_compose_file_joins_the_parts_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text())
    services = compose["services"]
    assert set(services) == {"postgres", "redis", "migrate", "api", "controller", "node", "node-gpu"}
    for service in services.values():
        for needed in service.get("depends_on", {}):
            assert needed in services
        if "build" in service:
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def test_images_copy_files_that_exist() -> None:
    for dockerfile in (ROOT / "docker").glob("*.Dockerfile"):
        for line in dockerfile.read_text().splitlines():
            if line.startswith("COPY"):
                for source in line.split()[1:-1]:
                    assert (ROOT / source).exists(), f"{dockerfile.name}: {source}"


def test_the_api_image_needs_no_torch() -> None:
    printed = subprocess.run(
        [sys.executable, ROOT / "docker" / "requirements_without_torch.py", ROOT / "pyproject.toml"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert any(line.startswith("fastapi") for line in printed)
    assert not any(line.startswith("torch") for line in printed)


WALK = re.compile(r"```walk\n(.*?)```", re.DOTALL)


def file_named(name: str) -> Path:
    """A file of the walk: below ``backprop_evo`` unless it begins with another room."""
    outside = name.split("/")[0] in ("api", "workers", "dsl")
    return ROOT / name if outside else ROOT / "backprop_evo" / name


def modules_imported_by(path: Path) -> set[str]:
    """Full names of what it imports, wherever in the file, and of where packages take those names from."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found.add(node.value)  # a package that imports late names the module
    return found


def steps_of_the_walk() -> list[tuple[str, str, str]]:
    """(from, arrow, to) for every arrow of the page."""
    (block,) = WALK.findall((ROOT / "ARCHITECTURE.md").read_text())
    steps = []
    for line in block.splitlines():
        files = re.findall(r"[\w/]+\.py", line)
        arrows = re.findall(r"[→⇢]", line)
        assert len(files) == len(arrows) + 1, line
        steps += list(zip(files, arrows, files[1:], strict=False))
    return steps


@pytest.mark.parametrize(("start", "arrow", "end"), steps_of_the_walk(), ids=lambda part: str(part))
def test_the_walk_of_an_equation_only_leads_down(start: str, arrow: str, end: str) -> None:
    for name in (start, end):
        assert file_named(name).is_file()
    if arrow == "→":
        module = ".".join(file_named(end).relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        imported = modules_imported_by(file_named(start))
        assert any(name == module or name.startswith(module + ".") for name in imported), (start, end)


def test_the_walk_leads_from_a_request_to_a_backward_pass_and_back() -> None:
    steps = steps_of_the_walk()
    assert steps[0][0].startswith("api/routes/")
    named = {name for start, _, end in steps for name in (start, end)}
    assert {"training/methods/sites.py", "store/endings.py", "search/population.py"} <= named
    assert len(named) > 30

"""The README and the pages of docs/: every Python example runs, every link leads somewhere."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^]]*\]\(([^)#]+)(#[^)]*)?\)")


def blocks() -> list[tuple[str, str]]:
    found = []
    for page, name in zip(PAGES, NAMES, strict=True):
        found += [(name, block) for block in BLOCK.findall(page.read_text())]
    return found


EXAMPLES = blocks()


@pytest.mark.parametrize(
    ("name", "block"), EXAMPLES, ids=[f"{name}-{i}" for i, (name, _) in enumerate(EXAMPLES)]
)
def test_every_example_runs_as_it_stands(name: str, block: str, tmp_path: Path) -> None:
    for framework in ("torch", "keras"):
        if f"varscale.{framework}" in block:
            reason = f"not installed: pip install varscale[{framework}]"
            pytest.importorskip(framework, reason=reason)
    if "varscale.conformance" in block:
        pytest.importorskip("scipy", reason="not installed: pip install varscale[conformance]")
    if "import jax" in block:
        pytest.importorskip("jax", reason="not installed: pip install varscale[jax]")
    if ">>>" in block:
        parser = doctest.DocTestParser()
        test = parser.get_doctest(block, {}, name, name, 0)
        failed = doctest.DocTestRunner().run(test).failed
        assert failed == 0, name
        return
    # In a process of its own: an example imports what it needs, and nothing is left behind.
    run = subprocess.run(
        [sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr[-3000:]


@pytest.mark.parametrize(("page", "name"), list(zip(PAGES, NAMES, strict=True)), ids=NAMES)
def test_every_link_leads_to_a_file(page: Path, name: str) -> None:
    targets = [target for target, _ in LINK.findall(page.read_text()) if "://" not in target]
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing, f"{name}: {missing}"


def test_what_is_quoted_from_the_examples_is_there() -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "examples").glob("*.py"))
    lines = {line.strip() for line in sources.splitlines()}
    text = (ROOT / "docs/examples.md").read_text()
    quoted = "\n".join(re.findall(r"^```py\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert quoted
    assert not {line.strip() for line in quoted.splitlines()} - lines


def test_the_readme_has_examples_of_every_kind() -> None:
    # A changed code fence must not empty the tests above.
    assert len([name for name, _ in EXAMPLES if name == "README.md"]) >= 3

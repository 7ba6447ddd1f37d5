"""What is built and installed: the wheel, the sdist and an editable install. No network is used."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

import varscale
from tests.packaging.forms import FORMS

ROOT = Path(__file__).parents[2]
OFFLINE = ("--no-index", "--no-deps", "--no-build-isolation")
LINKS = {"adapters": "varscale/adapters", "conformance": "varscale/conformance"}


def run(*command: str | Path, cwd: Path, **changed: str) -> str:
    """The standard output of a command that must succeed; PYTHONPATH and the like do not count."""
    env = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
    env |= changed
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def tracked() -> frozenset[str]:
    """Files that git tracks, or would on the next `git add`; links are files here."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not available: git (a checkout is needed)")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = run(*command, cwd=ROOT).split("\0")
    return frozenset(name for name in names if os.path.lexists(ROOT / name) and name)


@pytest.fixture(scope="session")
def package(tracked: frozenset[str]) -> set[str]:
    """The tracked files of the package."""
    return {name for name in tracked if name.startswith("varscale/")}


@pytest.fixture(scope="session")
def checkout(tracked: frozenset[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout, so that no build leaves anything in the real one."""
    copy = tmp_path_factory.mktemp("checkout") / "varscale"
    for name in tracked:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name, follow_symlinks=False)
    return copy


def build(source: Path, kind: str, out: Path) -> Path:
    run(sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", out, source, cwd=out)
    (built,) = out.iterdir()
    return built


@pytest.fixture(scope="session")
def wheel(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "--wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def sdist(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(checkout, "--sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="session")
def rebuilt(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip makes of the sdist, and would install."""
    folder = tmp_path_factory.mktemp("rebuilt")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", folder]
    run(*pip, *OFFLINE, sdist, cwd=folder)
    (wheel,) = folder.iterdir()
    return wheel


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of links to all that the running environment has installed, except varscale."""
    folder = tmp_path_factory.mktemp("libraries")
    for site in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}:
        for entry in Path(site).iterdir():
            if "varscale" not in entry.name and entry.suffix != ".pth":
                (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture(scope="session")
def pythons(
    checkout: Path,
    wheel: Path,
    rebuilt: Path,
    libraries: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Path]:
    """A throw-away virtual environment for each way to install varscale."""
    what = {"wheel": [wheel], "sdist": [rebuilt], "editable": ["--editable", checkout]}
    found = {}
    for name, arguments in what.items():
        folder = tmp_path_factory.mktemp(f"venv-{name}")
        run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=folder)
        python = folder / "bin" / "python"
        site = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=folder)
        (Path(site.strip()) / "libraries.pth").write_text(f"{libraries}\n")
        pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
        run(*pip, *OFFLINE, *arguments, cwd=folder)
        found[name] = python
    return found


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_the_tracked_files_of_the_package_and_the_kernel(
    wheel: Path, package: set[str]
) -> None:
    names = {name for name in names_in(wheel) if ".dist-info/" not in name}
    kernel = {name for name in names if name.endswith((".so", ".pyd"))}
    assert "varscale/py.typed" in names
    assert names - kernel == {name for name in package if "/kernels/src/" not in name}
    assert [name.partition(".")[0] for name in kernel] == ["varscale/kernels/_native"]
    if not sysconfig.get_config_var("Py_GIL_DISABLED"):
        assert "-cp311-abi3-" in wheel.name, "one wheel for all Pythons from 3.11 on"


def test_the_wheel_holds_the_license(wheel: Path) -> None:
    assert [name for name in names_in(wheel) if name.endswith(".dist-info/licenses/LICENSE")]


def test_the_sdist_holds_each_file_of_the_package_once_and_no_links(
    sdist: Path, package: set[str]
) -> None:
    with tarfile.open(sdist) as archive:
        members = {member.name.partition("/")[2]: member for member in archive.getmembers()}
    assert not [name for name, member in members.items() if member.issym() or member.islnk()]
    assert not [name for name in members if name.split("/")[0] in LINKS]
    files = {name for name, member in members.items() if member.isfile()}
    assert {name for name in files if name.startswith("varscale/")} == package
    assert {"pyproject.toml", "README.md", "LICENSE"} <= files


def test_a_wheel_built_from_the_sdist_is_the_wheel_built_from_the_checkout(
    wheel: Path, rebuilt: Path
) -> None:
    assert rebuilt.name == wheel.name
    assert names_in(rebuilt) == names_in(wheel)
    with zipfile.ZipFile(rebuilt) as ours, zipfile.ZipFile(wheel) as theirs:
        different = [name for name in names_in(wheel) if ours.read(name) != theirs.read(name)]
    assert not different


def test_the_links_at_the_root_lead_into_the_package(checkout: Path) -> None:
    links = {path.name: os.readlink(path) for path in checkout.iterdir() if path.is_symlink()}
    assert links == LINKS


@pytest.mark.parametrize("install", ["wheel", "sdist", "editable"])
@pytest.mark.parametrize("where", ["checkout", "elsewhere"])
def test_every_form_of_import_works(
    install: str,
    where: str,
    pythons: dict[str, Path],
    checkout: Path,
    tmp_path: Path,
) -> None:
    cwd = {"checkout": checkout, "elsewhere": tmp_path}[where]
    loaded = Path(run(pythons[install], "-c", FORMS, "numpy", cwd=cwd).splitlines()[-1])
    from_checkout = where == "checkout" or install == "editable"
    expected = checkout if from_checkout else pythons[install].parents[1]
    assert loaded.is_relative_to(expected)


# Without a compiler: the warning comes once, and the values are those of the kernel.
WITHOUT = """
import warnings
import numpy as np, varscale
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    draws = [varscale.numpy.normal()(seed, (40,)) for seed in (0, 1)]
print(varscale.info()["kernel"], varscale.info()["kernels"], len(caught), float(draws[0].sum()))
"""


def test_without_a_compiler_it_installs_and_says_what_is_missing(
    checkout: Path, libraries: Path, tmp_path: Path
) -> None:
    source, folder = tmp_path / "source", tmp_path / "venv"
    shutil.copytree(checkout, source, symlinks=True, ignore=shutil.ignore_patterns("build", "*.so"))
    run(sys.executable, "-m", "venv", "--without-pip", folder, cwd=tmp_path)
    python = folder / "bin" / "python"
    site = run(python, "-c", "import site; print(site.getsitepackages()[0])", cwd=tmp_path)
    (Path(site.strip()) / "libraries.pth").write_text(f"{libraries}\n")
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet"]
    run(*pip, *OFFLINE, source, cwd=tmp_path, CC="no-compiler-of-this-name")
    found = run(python, "-c", WITHOUT, cwd=tmp_path)
    total = float(varscale.numpy.normal()(0, (40,)).sum())
    assert found == f"reference () 1 {total}\n"

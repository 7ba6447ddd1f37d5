"""Run the kernel's tests with a sanitizer: `python tools/sanitized.py address,undefined [...]`.

Builds varscale from an sdist into a folder of its own, with the compiler's -fsanitize, and preloads
the sanitizer's library into Python. Needs gcc; the packages of the running Python are used.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Python itself leaks at exit, by design.
OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=0:halt_on_error=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


def main(sanitizers: str, *arguments: str) -> int:
    """Build, run pytest, return its exit code."""
    names = sanitizers.split(",")
    libraries = [_library(f"lib{name[0]}{'b' if name[0] == 'u' else ''}san.so") for name in names]
    with tempfile.TemporaryDirectory() as folder:
        flags = f"-fsanitize={sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer"
        build = {"CC": "gcc", "CFLAGS": flags, "LDFLAGS": f"-fsanitize={sanitizers}"}
        _run("-m", "build", "--no-isolation", "--sdist", "--outdir", folder, str(ROOT))
        (sdist,) = Path(folder).glob("*.tar.gz")
        pip = ["-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
        _run(*pip, "--target", f"{folder}/site", str(sdist), **build)
        preload = {"LD_PRELOAD": " ".join(libraries), "PYTHONPATH": f"{folder}/site"}
        tests = ["-P", "-m", "pytest", "-p", "no:cacheprovider", "--capture=sys", *arguments]
        return _run(*tests, check=False, **OPTIONS, **preload)


def _library(name: str) -> str:
    command = ["gcc", f"-print-file-name={name}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _run(*arguments: str, check: bool = True, **environment: str) -> int:
    command = [sys.executable, *arguments]
    return subprocess.run(command, check=check, env={**os.environ, **environment}).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

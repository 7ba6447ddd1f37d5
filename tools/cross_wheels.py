"""Build the wheels of all platforms on one Linux machine: `python tools/cross_wheels.py FOLDER`.

More arguments name platforms, keys of PLATFORMS; default: all. zig's clang compiles for each, by
setup.py and with its flags, from an sdist. Nothing is run: what can be read of a wheel from outside
is checked, and what is wrong ends the program.

Needs `pip install abi3audit build 'setuptools>=77' ziglang`. abi3audit brings the readers of object
files, and the list of what python3.dll exports.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import abi3info
import pefile
from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).parents[1]
ZIG = [sys.executable, "-m", "ziglang"]


class Platform(NamedTuple):
    """What a wheel is built for."""

    name: str  # of distutils: setup.py takes the machine from it
    target: str  # of zig
    machine: str  # of the object file's header


PLATFORMS = {
    "manylinux_2_17_x86_64": Platform("linux-x86_64", "x86_64-linux-gnu.2.17", "EM_X86_64"),
    "manylinux_2_17_aarch64": Platform("linux-aarch64", "aarch64-linux-gnu.2.17", "EM_AARCH64"),
    "macosx_11_0_x86_64": Platform("macosx-11.0-x86_64", "x86_64-macos.11.0", "x86_64"),
    "macosx_11_0_arm64": Platform("macosx-11.0-arm64", "aarch64-macos.11.0", "arm64"),
    "win_amd64": Platform("win-amd64", "x86_64-windows-gnu", "IMAGE_FILE_MACHINE_AMD64"),
    "win_arm64": Platform("win-arm64", "aarch64-windows-gnu", "IMAGE_FILE_MACHINE_ARM64"),
}

#: Windows' pyconfig.h, as far as the limited API asks: that of Linux says that a long has 64 bits.
PYCONFIG = """
#define MS_WIN32
#define MS_WIN64
#define MS_WINDOWS
#define HAVE_DECLSPEC_DLL
#define Py_ENABLE_SHARED 1
#define HAVE_SSIZE_T 1
#define SIZEOF_SHORT 2
#define SIZEOF_INT 4
#define SIZEOF_LONG 4
#define SIZEOF_LONG_LONG 8
#define SIZEOF_FLOAT 4
#define SIZEOF_DOUBLE 8
#define SIZEOF_SIZE_T 8
#define SIZEOF_TIME_T 8
#define SIZEOF_VOID_P 8
#define SIZEOF_WCHAR_T 2
"""


def main(folder: Path, *tags: str) -> None:
    """Build, check and name the wheels."""
    folder = folder.resolve()
    with tempfile.TemporaryDirectory() as temporary:
        build = ["-m", "build", "--no-isolation", "--sdist", "--outdir", temporary]
        _run([sys.executable, *build, str(ROOT)])
        (sdist,) = Path(temporary).glob("*.tar.gz")
        shutil.unpack_archive(sdist, temporary, filter="data")
        source = Path(temporary) / sdist.name.removesuffix(".tar.gz")
        for tag in tags or PLATFORMS:
            wheel = build_wheel(source, tag, folder)
            check(wheel, PLATFORMS[tag])
            print(wheel)


def build_wheel(source: Path, tag: str, folder: Path) -> Path:
    """Run setup.py with zig as the compiler."""
    platform = PLATFORMS[tag]
    compile_ = [*ZIG, "cc", "-target", platform.target]
    link = [*compile_, "-shared", "-s"]
    if platform.name.startswith("macosx"):
        link += ["-Wl,-undefined,dynamic_lookup"]
    if platform.name.startswith("win"):
        headers, library = windows_python(source.parent / tag, platform)
        compile_ += ["-I", str(headers)]
        link += [str(library)]
    environment = {
        **os.environ,
        "CC": shlex.join(compile_),
        "LDSHARED": shlex.join(link),
        "CFLAGS": "",
        "LDFLAGS": "",
        "_PYTHON_HOST_PLATFORM": platform.name,
    }
    wheels = source.parent / f"{tag}-wheel"
    command = [sys.executable, "setup.py", "--quiet", "bdist_wheel", "--plat-name", tag]
    _run([*command, "--dist-dir", str(wheels)], cwd=source, env=environment)
    (wheel,) = wheels.iterdir()
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy2(wheel, folder))


def windows_python(folder: Path, platform: Platform) -> tuple[Path, Path]:
    """What an extension needs of Windows' Python: headers and python3.dll's import library."""
    headers = folder / "include"
    shutil.copytree(sysconfig.get_path("include"), headers)
    (headers / "pyconfig.h").write_text(PYCONFIG)
    exports, library = folder / "python3.def", folder / "libpython3.a"
    functions = [symbol.name for symbol in abi3info.FUNCTIONS]
    data = [f"{symbol.name} DATA" for symbol in abi3info.DATAS]
    exports.write_text("\n".join(["LIBRARY python3.dll", "EXPORTS", *functions, *data, ""]))
    machine = {"win-amd64": "i386:x86-64", "win-arm64": "arm64"}[platform.name]
    _run([*ZIG, "dlltool", "-m", machine, "-d", str(exports), "-l", str(library)])
    return headers, library


def check(wheel: Path, platform: Platform) -> None:
    """End the program where the wheel has not the one extension that its platform can load."""
    windows = platform.name.startswith("win")
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.startswith("varscale/kernels/_native")]
        expected = "_native.pyd" if windows else "_native.abi3.so"
        _expect(names, [f"varscale/kernels/{expected}", "varscale/kernels/_native.pyi"])
        extension = archive.read(f"varscale/kernels/{expected}")
    _run([sys.executable, "-m", "abi3audit", "--strict", str(wheel)])
    if windows:
        check_pe(extension, platform.machine)
    elif platform.name.startswith("linux"):
        check_elf(extension, platform.machine)


def check_pe(extension: bytes, machine: str) -> None:
    """A DLL of this machine that exports its initialisation alone and asks for Windows' DLLs."""
    image = pefile.PE(data=extension)
    _expect(pefile.MACHINE_TYPE[image.FILE_HEADER.Machine], machine)
    _expect([one.name for one in image.DIRECTORY_ENTRY_EXPORT.symbols], [b"PyInit__native"])
    needed = {one.dll.decode().lower() for one in image.DIRECTORY_ENTRY_IMPORT}
    universal = {name for name in needed if name.startswith("api-ms-win-crt-")}
    _expect(needed - universal, {"kernel32.dll", "python3.dll"})


def check_elf(extension: bytes, machine: str) -> None:
    """A library of this machine, that asks for glibc 2.17 at most and for nothing else."""
    image = ELFFile(BytesIO(extension))
    _expect(image["e_machine"], machine)
    dynamic = image.get_section_by_name(".dynamic")
    needed = {tag.needed for tag in dynamic.iter_tags() if tag.entry.d_tag == "DT_NEEDED"}
    loader = {name for name in needed if name.startswith("ld-linux")}
    _expect(needed - loader - {"libc.so.6", "libm.so.6", "libpthread.so.0"}, set())
    versions = image.get_section_by_name(".gnu.version_r")
    asked = [one.name for _, many in versions.iter_versions() for one in many]
    newer = [name for name in asked if [*map(int, name[6:].split("."))] > [2, 17]]
    _expect(newer, [])


def _expect(found: object, expected: object) -> None:
    if found != expected:
        sys.exit(f"expected {expected}, found {found}")


def _run(command: list[str], **options: object) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        sys.exit(f"{shlex.join(command)}\n{done.stdout}{done.stderr}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

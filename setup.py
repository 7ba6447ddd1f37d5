"""Builds the compiled kernel; everything else is in pyproject.toml.

Each instruction set is a file of its own, compiled with its own flags. Where there is no compiler,
or one without vector types (MSVC), varscale is installed without the kernel, and says so when used.
"""

from __future__ import annotations

import sysconfig
import tomllib
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("varscale/kernels/src")
FLAGS = tomllib.loads((SOURCES / "flags.toml").read_text("utf-8"))
#: The machine of flags.toml, by the end of distutils' name of the platform.
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}
#: abi3 has no free-threaded form before Python 3.15.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LIMITED = [] if FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")]


class BuildKernel(build_ext):
    """Compiles the instruction sets of the machine that is built for, then the rest."""

    def build_extension(self, ext: Extension) -> None:
        """Build the kernel."""
        machine = next((name for name in MACHINES if self.plat_name.endswith(name)), None)
        isas = FLAGS[MACHINES[machine]] if machine else {}
        for source, flags in isas.items():
            ext.extra_objects += self.compiler.compile(
                [str(SOURCES / source)],
                output_dir=self.build_temp,
                extra_postargs=[*FLAGS["common"], *flags],
                depends=ext.depends,
            )
        super().build_extension(ext)

    def get_ext_filename(self, fullname: str) -> str:
        """The file's name; setuptools takes the ending of the running Python, not of the target."""
        name = super().get_ext_filename(fullname)
        return name.replace(".abi3.so", ".pyd") if self.plat_name.startswith("win") else name


setup(
    ext_modules=[
        Extension(
            "varscale.kernels._native",
            [str(SOURCES / name) for name in ("module.c", "fill.c", "isas.c", "threads.c")],
            depends=[str(path) for path in sorted(SOURCES.glob("*.*"))],
            define_macros=LIMITED,
            extra_compile_args=FLAGS["common"],
            py_limited_api=not FREE_THREADED,
            optional=True,
        )
    ],
    cmdclass={"build_ext": BuildKernel},
    options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
)

"""Builds the compiled kernel; everything else is in pyproject.toml.

Each instruction set is a file of its own, compiled with its own flags. Where there is no compiler,
or one without vector types (MSVC), varscale is installed without the kernel, and says so when used.
"""

from __future__ import annotations

import sysconfig
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCES = Path("varscale/kernels/src")
COMMON = ["-std=gnu11", "-O3", "-g0", "-ffp-contract=off", "-fvisibility=hidden"]
#: File and flags by machine. Scheduling before registers are given out mixes the cipher's rounds
#: with the arithmetic of samples; with AVX2's 16 registers it only spills.
AVX2 = ["-mavx2", "-mfma", "-mpopcnt"]  # no more than isa_*.c asks the processor for
AVX512 = [*AVX2, "-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl"]
X86 = {
    "isa_avx512.c": [*AVX512, "-fschedule-insns"],
    "isa_avx2.c": AVX2,
    "isa_sse2.c": [],
}
ISAS = {
    "x86_64": X86,
    "amd64": X86,
    "aarch64": {"isa_neon.c": []},
    "arm64": {"isa_neon.c": []},
}
#: abi3 has no free-threaded form before Python 3.15.
FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
LIMITED = [] if FREE_THREADED else [("Py_LIMITED_API", "0x030B0000")]


class BuildKernel(build_ext):
    """Compiles the instruction sets of the machine that is built for, then the rest."""

    def build_extension(self, ext: Extension) -> None:
        """Build the kernel."""
        machine = next((name for name in ISAS if self.plat_name.endswith(name)), None)
        isas = ISAS[machine] if machine else {}
        for source, flags in isas.items():
            ext.extra_objects += self.compiler.compile(
                [str(SOURCES / source)],
                output_dir=self.build_temp,
                extra_postargs=[*COMMON, *flags],
                depends=ext.depends,
            )
        super().build_extension(ext)


if __name__ == "__main__":
    setup(
        ext_modules=[
            Extension(
                "varscale.kernels._native",
                [str(SOURCES / name) for name in ("module.c", "fill.c", "isas.c", "threads.c")],
                depends=[str(path) for path in sorted(SOURCES.glob("*.[ch]"))],
                define_macros=LIMITED,
                extra_compile_args=COMMON,
                py_limited_api=not FREE_THREADED,
                optional=True,
            )
        ],
        cmdclass={"build_ext": BuildKernel},
        options={} if FREE_THREADED else {"bdist_wheel": {"py_limited_api": "cp311"}},
    )

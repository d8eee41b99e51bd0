"""Compile the one kernel source once per floating type and instruction set."""

import os
import sysconfig
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

SOURCE = Path("sk_adagrad/_kernel.pyx")
PARTS = [
    str(path)
    for pattern in ("_kernel_*.pxi", "_lanes*.h")
    for path in sorted(SOURCE.parent.glob(pattern))
]

REAL_IS_FLOAT = {"float32": "1", "float64": "0"}

# Only what is safe with NaN and infinity, so not -ffast-math. Nor -march=native: a
# wheel runs anywhere and chooses its variant at import.
COMMON_FLAGS = [
    "-O3",
    "-g0",
    "-fno-math-errno",
    "-fno-trapping-math",
    # Without it GCC zeroes a row's sums, which are in registers, with `rep stos`.
    "-fno-tree-loop-distribute-patterns",
    "-Wno-psabi",
]
AVX2_FLAGS = ["-mavx2", "-mfma", "-mbmi2"]
AVX512_FLAGS = [
    *AVX2_FLAGS,
    "-mavx512f",
    "-mavx512dq",
    "-mavx512vl",
    "-mavx512bw",
]
# Flags for how to treat eight numbers of a type, beyond the instruction set.
TREATMENTS = {
    # Eight float32 are 256 bits; a few wider operations among them would slow down all
    # others, by up to a fifth on short rows.
    ("float32", "avx512"): ["-mprefer-vector-width=256"],
    ("float64", "avx512"): ["-mprefer-vector-width=512"],
    # Eight float64 are two registers. GCC copies each in two halves of 16 bytes, both
    # of which the next load waits for, unless told that the processor copies 32 bytes
    # efficiently, as this -mtune does. Then one output takes 0.75 to 0.9 of the time,
    # and several with an L2 penalty take 0.78.
    ("float64", "avx2"): ["-mtune=skylake-avx512"],
}
PORTABLE_VARIANTS: dict[str, list[str]] = {"generic": []}
X86_64_VARIANTS = {"avx2": AVX2_FLAGS, "avx512": AVX512_FLAGS}

# The kernel's inline functions take constants (which update, how to read a weight) that
# must be propagated into a loop for each. Left to itself GCC keeps some as one function
# with branches inside, which takes up to 1.8 times as long.
ALWAYS_INLINE = ("CYTHON_INLINE", "inline __attribute__((always_inline))")

DIRECTIVES = {
    "language_level": 3,
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "freethreading_compatible": True,
}


def variants():
    """Return the flags of each instruction set of the target machine.

    The target is named by ARCHFLAGS (macOS) or by the platform of the running
    interpreter. A universal build, compiled for two at once, gets only the portable
    variant.
    """
    target = os.environ.get("ARCHFLAGS") or sysconfig.get_platform()
    if "x86_64" in target and "arm64" not in target:
        return PORTABLE_VARIANTS | X86_64_VARIANTS
    return PORTABLE_VARIANTS


def extensions():
    """Return one extension per floating type and instruction set."""
    return [
        Extension(
            f"sk_adagrad._kernel_{real}_{isa}",
            sources=[f"build/kernels/_kernel_{real}_{isa}.pyx"],
            define_macros=[("REAL_IS_FLOAT", is_float), ALWAYS_INLINE],
            include_dirs=[str(SOURCE.parent)],
            depends=[*PARTS, "setup.py"],
            extra_compile_args=[
                *COMMON_FLAGS,
                *flags,
                *TREATMENTS.get((real, isa), []),
            ],
        )
        for real, is_float in REAL_IS_FLOAT.items()
        for isa, flags in variants().items()
    ]


class BuildKernels(build_ext):
    """Copy the kernel source for each extension, translate it, compile in parallel.

    The copies are needed because Cython writes the module's name into the C code.
    """

    def finalize_options(self):
        """Compile on all cores unless told otherwise."""
        super().finalize_options()
        self.parallel = self.parallel or os.cpu_count()

    def build_extensions(self):
        """Make each extension's source, then compile."""
        source = SOURCE.read_text(encoding="utf-8")
        for extension in self.extensions:
            copy = Path(extension.sources[0])
            copy.parent.mkdir(parents=True, exist_ok=True)
            # An unchanged copy keeps its time, so that nothing is compiled twice.
            if not copy.exists() or copy.read_text(encoding="utf-8") != source:
                copy.write_text(source, encoding="utf-8")
        translated = cythonize(
            self.extensions,
            include_path=[str(SOURCE.parent)],
            compiler_directives=DIRECTIVES,
            nthreads=self.parallel,
        )
        sources = {extension.name: extension.sources for extension in translated}
        for extension in self.extensions:
            extension.sources = sources[extension.name]
        super().build_extensions()


if __name__ == "__main__":
    setup(ext_modules=extensions(), cmdclass={"build_ext": BuildKernels})

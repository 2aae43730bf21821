"""Sources in, compiled modules beside them out: what the build of the package does beyond packing.

The modules that ``tool.hatch.build.hooks.custom`` of pyproject.toml lists are compiled by mypyc,
from the same typed sources that run interpreted: one meaning, less time. Where there is no C
compiler, or ``ENGINE_PURE`` is set, the package is built without: slower, otherwise the same.
"""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import chdir
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PURE = "ENGINE_PURE"
"""Set to anything but the empty text: build, and run, from sources alone."""
NEEDS = ("setuptools>=75", "mypy>=2.4,<3")
OPTIONS = (
    "--config-file=",
    "--follow-imports=silent",
    "--ignore-missing-imports",
    "--disallow-subclassing-any",
)
"""`make check` is strict with the types; here they only have to be good enough to compile. A class
whose base is not known must not be compiled, though: it would be laid out wrongly, and crash."""
PARTS = 16
"""Files of C that the modules are compiled from: on every machine as many, so that all build the
same. More of them read the same headers more often; fewer leave cores idle in the end."""
ROOM = 1 << 30
"""Bytes of memory that must be there for each compiler that runs; it takes a quarter of them."""
HIDDEN = "-fvisibility=hidden"
"""Names of C are for the library itself: calls in it are direct, and can be inlined."""


class Compile(BuildHookInterface[Any]):
    """Compiles the listed modules: into the tree for an editable install, else into the wheel."""

    PLUGIN_NAME = "custom"
    _work: Path | None = None

    def dependencies(self) -> list[str]:
        """Return what compiling needs, and what the modules take types from."""
        return [*NEEDS, *self.config.get("types", ())] if why_not() is None else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile; or say why not."""
        if self.target_name != "wheel":
            return
        why = why_not()
        if why is not None:
            self.app.display_warning(f"built without compiled modules, which is slower: {why}")
            return
        root, self._work = Path(self.root), Path(mkdtemp(prefix="compile-"))
        built = compile_modules(root, self.config["modules"], self.config["group"], self._work)
        if version == "editable":
            for old in compiled_in(root, self.config["modules"]):
                old.unlink()  # A process may have it loaded; and it may be compiled no more.
            for name, path in built.items():
                shutil.copyfile(path, root / name)
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"].update({str(path): name for name, path in built.items()})

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only made on the way."""
        del version, build_data, artifact_path
        if self._work is not None:
            shutil.rmtree(self._work)


def why_not() -> str | None:
    """Return why nothing is compiled; None where it can be."""
    if os.environ.get(PURE):
        return f"{PURE} is set"
    compiler = os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc").split()[0]
    if shutil.which(compiler) is None:
        return f"there is no C compiler ({compiler})"
    if not Path(sysconfig.get_path("include"), "Python.h").is_file():
        return "the headers of Python are not installed"
    return None


def compile_modules(root: Path, modules: list[str], group: str, work: Path) -> dict[str, Path]:
    """Return the compiled *modules* in *work*, by the paths in *root* that they are for.

    Raises SystemExit, with what mypyc says, where one cannot be compiled.
    """
    from mypyc.build import mypycify  # noqa: PLC0415 - only there where it compiles
    from setuptools import Distribution  # noqa: PLC0415
    from setuptools.command.build_ext import build_ext  # noqa: PLC0415

    with chdir(root), ThreadPoolExecutor(compilers()) as pool:
        extensions = mypycify(
            [*OPTIONS, f"--cache-dir={work / 'cache'}", *modules],
            opt_level="3",
            debug_level="0",
            multi_file=True,
            group_name=group,
            target_dir=str(work / "c"),
        )
        for one in extensions:
            one.extra_compile_args.append(HIDDEN)
            sources = [str(source) for source in one.sources]
            if len(sources) > 1:  # The library; the others only name a module that is in it.
                one.sources = in_parts(sources, work / "c")

        class Together(build_ext):
            def build_extensions(self) -> None:
                self.compiler.compile = beside(self.compiler.compile, pool)
                super().build_extensions()

        command = Together(Distribution({"name": group, "ext_modules": extensions}))
        command.build_lib = str(work / "lib")
        command.build_temp = str(work / "temp")
        command.parallel = compilers()
        command.ensure_finalized()
        command.run()
    made = work / "lib"
    return {str(path.relative_to(made)): path for path in sorted(made.rglob("*.so"))}


def compilers() -> int:
    """Return how many compilers run at a time: one for each core, as far as memory reaches."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return max(1, min(cores, PARTS, memory // ROOM))


def in_parts(sources: list[str], folder: Path) -> list[str]:
    """Return files in *folder* that together include *sources*: as long as each other."""
    parts: list[tuple[int, int, list[str]]] = [(0, number, []) for number in range(PARTS)]
    sizes = [(Path(source).stat().st_size, source) for source in sources]
    for size, source in sorted(sizes, reverse=True):
        length, number, inside = min(parts)
        parts[number] = (length + size, number, [*inside, source])
    written = []
    for length, number, inside in sorted(parts, reverse=True):
        if length:
            part = folder / f"part{number}.c"
            names = (os.path.relpath(source, folder) for source in inside)
            part.write_text("".join(f'#include "{name}"\n' for name in names), encoding="utf-8")
            written.append(str(part))
    return written


def beside(compile_all: Callable[..., list[str]], pool: Executor) -> Callable[..., list[str]]:
    """Return what does as *compile_all* of a compiler does, with its sources beside one another."""

    def compile_each(sources: list[str], **options: Any) -> list[str]:
        made = pool.map(lambda source: compile_all([source], **options), sources)
        return [name for names in made for name in names]

    return compile_each


def compiled_in(root: Path, modules: list[str]) -> list[Path]:
    """Return the compiled modules that lie in the packages of *modules*."""
    packages = {root / module.split("/")[0] for module in modules}
    return [path for package in packages for path in package.rglob("*.so")]

"""Which files a child may read: the interpreter, the installed packages and the system's libraries, and none of ours.

Our own package holds what learners must not see: the checks, the solutions, in an installed wheel the whole course.
Of it only `unravel.interp`, which lessons import, stays readable.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

import unravel

DEVICES = (Path("/dev/null"),)
_SYSTEM = (
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/usr/share/zoneinfo",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/dev/urandom",
    "/dev/random",
    "/dev/zero",
)
_PACKAGE_FOLDERS = ("site-packages", "dist-packages")


def readable(extra: Iterable[Path] = ()) -> list[Path]:
    """Everything a child may read, without the holes of `first_party`. `extra` is added as it is."""
    holes = first_party()
    roots = {place.resolve() for place in _roots() if place.exists()}
    found = {path for root in roots for path in carve(root, holes)}
    return sorted(found | {_package() / "interp"} | {Path(path).resolve() for path in extra})


def first_party() -> frozenset[Path]:
    """The places that hold our own files: the package, its metadata, and what puts an editable checkout on the path."""
    package = _package()
    beside = [package, package.parent.parent / "unravel"]
    folders = set(_package_folders()) | {package.parent}
    marks = (
        "unravel-*",
        "_unravel*",
        "__editable__*unravel*",
        "_editable_impl_unravel*",
        "unravel.pth",
        "unravel.egg-link",
    )
    beside += [path for folder in folders for mark in marks for path in folder.glob(mark)]
    beside += [folder / "unravel" for folder in folders]
    return frozenset(path.resolve() for path in beside)


def carve(root: Path, holes: frozenset[Path]) -> Iterator[Path]:
    """The largest paths that together cover `root` but no hole: whole where there is none below it, else its entries.

    A link is followed first: what counts is where it leads.
    """
    real = root.resolve()
    if real in holes or any(hole in real.parents for hole in holes):
        return
    if not any(real in hole.parents for hole in holes):
        yield real
        return
    for entry in sorted(real.iterdir()):
        if entry.is_symlink() and not _within(entry.resolve(), real):
            continue
        yield from carve(entry, holes)


def _within(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _package() -> Path:
    (place,) = unravel.__path__
    return Path(place).resolve()


def _roots() -> list[Path]:
    names = ("stdlib", "platstdlib")
    libraries = Path(sys.base_prefix) / "lib"
    return [
        *(Path(sysconfig.get_path(name)) for name in names),
        *_package_folders(),
        *libraries.glob("*.so*"),
        *libraries.glob("*.dylib"),
        *(Path(place) for place in _SYSTEM),
    ]


def _package_folders() -> list[Path]:
    return [Path(place) for place in sys.path if Path(place).name in _PACKAGE_FOLDERS and Path(place).is_dir()]

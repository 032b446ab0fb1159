# SPDX-License-Identifier: Apache-2.0
"""Where reference values come from: ``sha256sum`` output, Debian packages."""

from __future__ import annotations

import pathlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from osc_lib import exceptions

from nova_trusted_launch.osc.deb import DebError, Package, read_deb

Values = dict[str, list[str]]

_SUM = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)", re.DOTALL)
_ESCAPES = {"\\\\": "\\", "\\n": "\n", "\\r": "\r"}
_ESCAPE = re.compile(r"\\[\\nr]")


def read_sums(paths: Iterable[str], root: str) -> Values:
    """Read ``sha256sum`` output; relative paths begin at ``root``.

    :raises CommandError: a file cannot be read or a line is of another form.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        # No splitlines(): a file's name may hold what Unicode calls a line's
        # end.
        for number, line in enumerate(_text(path).split("\n"), 1):
            if not line:
                continue
            match = _SUM.fullmatch(line)
            if match is None:
                raise exceptions.CommandError(
                    f"{path}:{number}: not a line of sha256sum")
            escaped, digest, name = match.groups()
            if escaped:
                name = _ESCAPE.sub(lambda m: _ESCAPES[m[0]], name)
            found[digest].add(str(pathlib.PurePosixPath(root) / name))
    return {digest: sorted(names) for digest, names in found.items()}


def read_debs(paths: Sequence[str],
              indexes: Sequence[str]) -> tuple[Values, list[Package]]:
    """Hash what packages install.

    With ``indexes`` (``Packages`` files of an archive) each package must be
    in one of them, by its SHA-256.  That the index is the archive's own is
    for whoever fetched it: apt verifies its signature.

    :raises CommandError: a package cannot be read, or is in no index.
    """
    known = {line.split()[1] for path in indexes
             for line in _text(path).split("\n")
             if line.startswith("SHA256: ")}
    found: dict[str, set[str]] = defaultdict(set)
    packages = []
    for path in paths:
        try:
            package = read_deb(path)
        except DebError as exc:
            raise exceptions.CommandError(str(exc)) from exc
        if indexes and package.sha256 not in known:
            raise exceptions.CommandError(
                f"{path}: a package of SHA-256 {package.sha256} is in none "
                "of the indexes")
        packages.append(package)
        for digest, names in package.files.items():
            found[digest].update(names)
    return ({digest: sorted(names) for digest, names in found.items()},
            packages)


def as_ima_writes(values: Values) -> Values:
    """Write paths as IMA does, which has no space in a list."""
    return {digest: sorted({name.replace(" ", "_") for name in names})
            for digest, names in values.items()}


def merged(*some: Values) -> Values:
    """Put sets of values together."""
    found: dict[str, set[str]] = defaultdict(set)
    for values in some:
        for digest, names in values.items():
            found[digest].update(names)
    return {digest: sorted(names) for digest, names in found.items()}


def _text(path: str) -> str:
    try:
        # As it is: no translation of line ends within names.
        return pathlib.Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise exceptions.CommandError(f"{path}: {exc}") from exc

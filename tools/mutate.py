#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Weaken the verifying code, one place at a time, and see who notices.

Each mutant is one changed comparison, condition, calculation or constant, or
one check or step taken out, in one module.  It is run against that module's
own tests, in a child of this process, without touching a file.  A mutant that
no test notices is a survivor: either a test is missing, or the check is
useless, or the reason why nothing can tell stands in tools/mutants.txt.

    tools/mutate.py                      all of the verifying core
    tools/mutate.py quote.py verify.py   modules whose path ends so
    tools/mutate.py --list quote.py      say what would be tried

Exit status: 0 when every mutant died or is explained, else 1.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time

import hypothesis

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.mutation.mutator import Mutant  # noqa: E402
from tools.mutation.tests import modules, tests_of  # noqa: E402
from tools.mutation.trial import mutants_of, survives  # noqa: E402

EXPLAINED = ROOT / "tools" / "mutants.txt"
# A mutant may take as many times as long as the module itself, and this many
# seconds whatever that took.
PATIENCE, LEAST = 10, 20


def read_explained() -> dict[str, str]:
    """Read tools/mutants.txt: a mutant's key, then its reason, indented."""
    explained: dict[str, str] = {}
    key = ""
    for line in EXPLAINED.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        if line.startswith(" "):
            explained[key] += line.strip() + " "
        else:
            key = line.strip()
            explained[key] = ""
    return explained


def main() -> int:
    """Try every mutant; report those that nothing notices."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    os.chdir(ROOT)
    sys.dont_write_bytecode = True
    # The core's tests need no plugin and no fixture of others; loading them
    # would cost ten times what the tests do.
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    hypothesis.settings.register_profile(
        "mutate", max_examples=10, derandomize=True, database=None,
        deadline=None)
    hypothesis.settings.load_profile("mutate")
    explained = read_explained()
    unexplained = 0
    for path in modules(args.modules):
        mutants = mutants_of(path)
        if args.list:
            print("\n".join(f"{m.line}: {m.key}" for m in mutants))
            continue
        unexplained += _try_all(path, mutants, explained)
    return 1 if unexplained else 0


def _try_all(path: str, mutants: list[Mutant],
             explained: dict[str, str]) -> int:
    start = time.monotonic()
    if not survives(path, None):
        print(f"{path}: its own tests fail, or have no module to stand up "
              f"for: {' '.join(tests_of(path))}", flush=True)
        return 1
    limit = LEAST + int(PATIENCE * (time.monotonic() - start))
    alive = [m for m in mutants if survives(path, m.number, limit)]
    known = {m.key for m in mutants}
    stale = [key for key in explained
             if key.startswith(f"{path}: ") and key not in known]
    told = [m for m in alive if m.key in explained]
    print(f"{path}: {len(mutants)} mutants, {len(mutants) - len(alive)} "
          f"died, {len(told)} explained, {len(alive) - len(told)} survived "
          f"({time.monotonic() - start:.0f} s)", flush=True)
    for m in alive:
        if m.key not in explained:
            print(f"  {m.line}: {m.key}", flush=True)
    for key in stale:
        print(f"  explained, but not there any more: {key}", flush=True)
    return len(alive) - len(told) + len(stale)


if __name__ == "__main__":
    sys.exit(main())

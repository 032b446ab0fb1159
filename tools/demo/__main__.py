# SPDX-License-Identifier: Apache-2.0
"""``python -m tools.demo FOLDER``: tell the story; exit 1 if it is not so.

The folder holds the tenant's disk and the text that is in it.
"""

from __future__ import annotations

import pathlib
import sys

from tools.cloud import lab
from tools.demo.story import Story
from tools.demo.telling import Telling


def main(folder: str) -> int:
    """Tell it to the end, and clean up whatever happens."""
    telling = Telling()
    story = Story(telling, pathlib.Path(folder))
    try:
        story.tell()
    except lab.NotSo as exc:
        telling.expect(str(exc), False)
    finally:
        story.clean_up()
    print(f"\n{telling.held} expectations held, {len(telling.failed)} did "
          f"not, in {telling.seconds:.0f} s", flush=True)
    for failed in telling.failed:
        print(f"   did not hold: {failed}", flush=True)
    return 1 if telling.failed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

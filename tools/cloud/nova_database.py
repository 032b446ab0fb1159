# SPDX-License-Identifier: Apache-2.0
"""Make Nova's three databases and its one cell, in one process.

The same as ``nova-manage api_db sync``, ``cell_v2 map_cell0``, ``db sync``
and ``cell_v2 create_cell``; each of those would load all of Nova again.
"""

from __future__ import annotations

import sys

from nova.cmd import manage
from nova import config
from nova import context
from nova import objects


def main() -> int:
    config.parse_args(sys.argv)
    objects.register_all()
    conf = manage.CONF

    manage.ApiDbCommands().sync()
    cells = objects.CellMappingList.get_all(context.get_admin_context())
    names = {cell.name for cell in cells}
    if "cell0" not in names:
        cell0 = conf.database.connection.replace("/nova?", "/nova_cell0?")
        manage.CellV2Commands().map_cell0(cell0)
    manage.DbCommands().sync()
    if "cell1" not in names:
        return manage.CellV2Commands().create_cell(name="cell1")
    return 0


if __name__ == "__main__":
    sys.exit(main())

# SPDX-License-Identifier: Apache-2.0
"""Talk to the swtpm of a guest that is gone.

QEMU hands swtpm one end of a pair of sockets for the TPM's commands.  When
the guest is gone we do the same, and lend the other end to whoever connects
to a port, one after the other, as swtpm's own server would; the port after it
is for control commands.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from collections.abc import Iterator

# swtpm_ioctl(3)
_SET_DATAFD = 0x10
_CHUNK = 65536


@contextlib.contextmanager
def lent(control_path: str) -> Iterator[str]:
    """Lend the TPM behind a control socket; return a TCTI for it.

    :raises OSError: swtpm does not take the line.
    """
    with contextlib.ExitStack() as stack:
        control = stack.enter_context(socket.socket(socket.AF_UNIX))
        control.connect(control_path)
        ours, theirs = socket.socketpair()
        stack.enter_context(ours)
        with theirs:
            socket.send_fds(control, [struct.pack(">I", _SET_DATAFD)],
                            [theirs.fileno()])
            answer = control.recv(4)
        if answer != bytes(4):
            raise OSError(f"swtpm does not take the line: {answer.hex()}")
        port, *servers = _neighbours()
        for server, end in zip(servers, (ours, control), strict=True):
            stack.enter_context(server)
            threading.Thread(target=_serve, args=(server, end),
                             daemon=True).start()
        yield f"swtpm:host=127.0.0.1,port={port}"


def _neighbours() -> tuple[int, socket.socket, socket.socket]:
    """Listen on a free port, and for control commands on the one after it."""
    while True:
        data = socket.create_server(("127.0.0.1", 0))
        port = data.getsockname()[1]
        try:
            return port, data, socket.create_server(("127.0.0.1", port + 1))
        except OSError:
            data.close()


def _serve(server: socket.socket, tpm: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            _pass_on(client, tpm)


def _pass_on(client: socket.socket, tpm: socket.socket) -> None:
    """Pass commands and responses on until the client leaves."""
    other = {client: tpm, tpm: client}
    with selectors.DefaultSelector() as ready:
        for end in other:
            ready.register(end, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                source = key.fileobj
                assert isinstance(source, socket.socket)
                data = source.recv(_CHUNK)
                if not data:
                    return
                other[source].sendall(data)

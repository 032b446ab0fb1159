# SPDX-License-Identifier: Apache-2.0
"""What a measured guest tells over its serial line is read back."""

from __future__ import annotations

import base64
import os
import socket
import struct
import threading

import pytest

from tools.measured import collect, line


def told(name, data, noise=b""):
    text = base64.encodebytes(data)
    return (b"MEASURED-BEGIN " + name + b"\r\n" + noise
            + text.replace(b"\n", b"\r\n") + b"MEASURED-END " + name
            + b"\r\n")


def test_files_are_read_from_the_console():
    log = os.urandom(3000)
    console = (b"\x1b[2JBdsDxe: starting\r\n" + told(b"uname", b"Linux\n")
               + told(b"bios_measurements", log,
                      b"[    3.141592] random: crng init done\r\n")
               + told(b"ima_bin", b"") + b"MEASURED-DONE\r\n")
    assert collect.logs_of(console) == {
        "uname": b"Linux\n", "bios_measurements": log, "ima_bin": b""}


def test_what_was_cut_is_not_there():
    assert collect.logs_of(told(b"ima_bin", b"x" * 99)[:-20]) == {}


class Control:
    """A control socket as swtpm's, whose TPM answers in capitals."""

    def __init__(self, path, answer=bytes(4)):
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(path))
        self.server.listen()
        self.answer = answer
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        client, _ = self.server.accept()
        command, (fd,), *_ = socket.recv_fds(client, 4, 1)
        assert struct.unpack(">I", command) == (0x10,)
        client.sendall(self.answer)
        with socket.socket(fileno=fd) as data:
            while text := data.recv(100):
                data.sendall(text.upper())


def test_a_tpm_is_lent_to_one_after_the_other(tmp_path):
    control = Control(tmp_path / "control")
    with line.lent(str(tmp_path / "control")) as tcti:
        port = int(tcti.rpartition("=")[2])
        assert tcti == f"swtpm:host=127.0.0.1,port={port}"
        for text in (b"first", b"second"):
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(text)
                assert client.recv(100) == text.upper()
    control.server.close()


def test_a_line_that_is_not_taken(tmp_path):
    control = Control(tmp_path / "control", bytes.fromhex("00000007"))
    with pytest.raises(OSError, match="00000007"), line.lent(
            str(tmp_path / "control")):
        pass
    control.server.close()

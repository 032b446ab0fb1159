# SPDX-License-Identifier: Apache-2.0
"""Logs are read from where the service asked, or whole."""

from __future__ import annotations

from nova_trusted_launch.agent.logs import HostLogs


def test_list_is_read_from_the_offset(tmp_path):
    ima = tmp_path / "ima"
    ima.write_bytes(b"0123456789")
    logs = HostLogs("", str(ima))
    assert logs.ima_log(0) == (b"0123456789", 0)
    assert logs.ima_log(4) == (b"456789", 4)
    assert logs.ima_log(10) == (b"", 10)


def test_shorter_list_is_of_another_boot_and_sent_whole(tmp_path):
    ima = tmp_path / "ima"
    ima.write_bytes(b"0123")
    assert HostLogs("", str(ima)).ima_log(5) == (b"0123", 0)


def test_no_log_is_none(tmp_path):
    logs = HostLogs(str(tmp_path / "boot"), "")
    assert logs.boot_log() is None
    assert logs.ima_log(0) == (None, 0)
    assert logs.ima_log(7) == (None, 0)


def test_absurdly_large_log_is_not_sent(tmp_path):
    boot = tmp_path / "boot"
    boot.write_bytes(bytes(100))
    assert HostLogs(str(boot), "", most=99).boot_log() is None
    assert HostLogs(str(boot), "", most=100).boot_log() == bytes(100)

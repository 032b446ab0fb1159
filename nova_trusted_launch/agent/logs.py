# SPDX-License-Identifier: Apache-2.0
"""Read the kernel's boot and IMA logs, as bytes.

Not decided here: what they say, which the service finds out.
"""

from __future__ import annotations

from dataclasses import dataclass

from oslo_log import log as logging

LOG = logging.getLogger(__name__)

BOOT_LOG = "/sys/kernel/security/tpm0/binary_bios_measurements"
IMA_LOG = "/sys/kernel/security/ima/binary_runtime_measurements"
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HostLogs:
    """Where a host's logs are; an empty path means the host has none."""

    boot_path: str = BOOT_LOG
    ima_path: str = IMA_LOG
    most: int = 90 * 1024 * 1024

    def boot_log(self) -> bytes | None:
        """Return the firmware's event log; None when there is none."""
        return _read(self.boot_path, 0, self.most)

    def ima_log(self, offset: int) -> tuple[bytes | None, int]:
        """Return the IMA list from ``offset`` on, and the true offset.

        A list shorter than ``offset`` is another boot's: then all of it is
        returned.  (None, 0) when there is no list.
        """
        if offset:
            data = _read(self.ima_path, offset - 1, self.most)
            if data:
                # The byte before the offset is there: the list is as long.
                return data[1:], offset
        return _read(self.ima_path, 0, self.most), 0


def _read(path: str, offset: int, most: int) -> bytes | None:
    """Read from ``offset`` to the end; None when the file cannot be read.

    An unreadable log is not our failure: a profile that needs it will say so.
    """
    if not path:
        return None
    try:
        with open(path, "rb", buffering=0) as stream:
            stream.seek(offset)
            data = bytearray()
            # Files in securityfs have no size and end where a read says so.
            while chunk := stream.read(_CHUNK):
                data += chunk
                if len(data) > most:
                    LOG.warning("%s is larger than %d bytes: not sent",
                                path, most)
                    return None
            return bytes(data)
    except OSError as exc:
        LOG.debug("No log: %s", exc)
        return None

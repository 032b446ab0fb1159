# SPDX-License-Identifier: Apache-2.0
"""The connection to the TPM, and whose turn it is to use it.

It is opened when somebody needs the TPM and closed when nobody does, so that
a TPM that restarted is simply found again, and a TPM that serves one client
at a time is not kept from others.  An open policy session keeps it: a
resource manager would forget the session without it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import tpm2_pytss as tss
from oslo_log import log as logging

from nova_trusted_launch.agent import tpm as port
from nova_trusted_launch.agent.tpm_tss import calls
from nova_trusted_launch.agent.turns import Turns

LOG = logging.getLogger(__name__)
_TCTI_LAYER = 0x000A0000
LAYERS = 0x00FF0000
_INITIALIZE = 0x100


@dataclass(frozen=True, slots=True)
class TssOptions:
    """How to reach and use the TPM.

    ``owned`` says that this agent is the TPM's only user: then it starts the
    TPM up, clears leftovers of a crash and shuts it down.  ``kinds`` are the
    endorsement keys to use, most preferred first.
    """

    tcti: str
    kinds: tuple[str, ...] = ("ek-p384", "ek-p256", "ek-rsa2048")
    owned: bool = False
    endorsement_auth: bytes = field(default=b"", repr=False)


@dataclass(slots=True)
class Line:
    """An open connection and how many need it; mutable, under the turn."""

    esapi: Any
    users: int = 0
    broken: bool = False


class Lines:
    """Opens, lends and closes the connection."""

    def __init__(self, options: TssOptions) -> None:
        self._options = options
        self._turns = Turns()
        self._line: Line | None = None
        self._used = False

    @contextlib.contextmanager
    def esapi(self, line: Line | None = None, *, urgent: bool = False
              ) -> Iterator[Any]:
        """Take a turn, for somebody who needs the ESAPI only."""
        with self.taken(line, urgent=urgent) as taken:
            yield taken.esapi

    @contextlib.contextmanager
    def taken(self, line: Line | None = None, *, urgent: bool = False
              ) -> Iterator[Line]:
        """Take a turn on ``line``, or on the connection of the day."""
        with self._turns.take(urgent=urgent):
            line = line or self._open()
            line.users += 1
            try:
                with _translated(line):
                    yield line
            finally:
                self._release(line)

    def give_back(self, line: Line) -> None:
        """Need a line no more that was needed beyond its turn."""
        with self._turns.take(urgent=True):
            self._release(line)

    def _open(self) -> Line:
        if self._line is None or self._line.broken:
            try:
                line = Line(tss.ESAPI(self._options.tcti))
            except (tss.TSS2_Exception, RuntimeError) as exc:
                raise port.TpmError(f"the TPM cannot be reached: {exc}"
                                    ) from exc
            try:
                with _translated(line):
                    self._greet(line.esapi)
            except BaseException:
                line.esapi.close()
                raise
            self._line = line
        return self._line

    def _greet(self, esapi: Any) -> None:
        if self._options.owned:
            try:
                esapi.startup(tss.TPM2_SU.CLEAR)
            except tss.TSS2_Exception as exc:
                if exc.rc != _INITIALIZE:
                    raise
            if not self._used:
                calls.flush_leftovers(esapi)
        self._used = True
        if self._options.endorsement_auth:
            esapi.tr_set_auth(calls.TR.ENDORSEMENT,
                              self._options.endorsement_auth)

    def _release(self, line: Line) -> None:
        line.users -= 1
        if line.users == 0:
            if self._line is line:
                self._line = None
            line.esapi.close()

    def close(self) -> None:
        """Shut an owned TPM down; a shared one is just let go."""
        if not (self._options.owned and self._used):
            return
        try:
            with self.esapi(urgent=True) as esapi:
                esapi.shutdown(tss.TPM2_SU.CLEAR)
        except port.TpmError as exc:
            LOG.warning("The TPM could not be shut down: %s", exc)


@contextlib.contextmanager
def _translated(line: Line) -> Iterator[None]:
    try:
        yield
    except tss.TSS2_Exception as exc:
        if exc.rc & LAYERS == _TCTI_LAYER:
            line.broken = True
            raise port.TpmError(f"the TPM went away: {exc}") from exc
        raise port.TpmError(f"the TPM answered {exc.rc:#x}: {exc}") from exc

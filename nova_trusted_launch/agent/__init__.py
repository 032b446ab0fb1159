# SPDX-License-Identifier: Apache-2.0
"""The Attester: the daemon that speaks for a compute host's TPM."""

from oslo_service import backend

# oslo.messaging asks for a backend when it is imported; without a word from
# us it would be eventlet.
backend.register_backend_default_hook(lambda: backend.BackendType.THREADING)

# SPDX-License-Identifier: Apache-2.0
"""The Attester: the daemon that speaks for a compute host's TPM."""

# SPDX-License-Identifier: Apache-2.0
"""The TPM port over tpm2-pytss; the only package that imports it.

``line`` opens and shares the connection, ``calls`` are single commands with
what they need, ``unsealing`` is what a policy session is for, and ``tpm`` puts
them together as :class:`nova_trusted_launch.agent.tpm.Tpm`.
"""

# SPDX-License-Identifier: Apache-2.0
"""Tests of what a tenant does: launch, prove, be refused with a reason."""

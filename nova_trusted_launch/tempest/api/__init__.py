# SPDX-License-Identifier: Apache-2.0
"""Tests of every resource of the API: right, wrong, and by whom."""

# SPDX-License-Identifier: Apache-2.0
"""The service killed (-9) while hosts enrol, attest and get keys.

``tools/crash_test.py`` kills it as often as one likes; the tests a few times.
"""

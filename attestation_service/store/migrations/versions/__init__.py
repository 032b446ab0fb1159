# SPDX-License-Identifier: Apache-2.0
"""One module per revision; a released one is never changed."""

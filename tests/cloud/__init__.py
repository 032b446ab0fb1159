# SPDX-License-Identifier: Apache-2.0
"""End to end, on the cloud that ``tools/cloud.sh up`` brings up."""

# SPDX-License-Identifier: Apache-2.0
"""The whole story of a trusted launch, told on a real cloud."""

# SPDX-License-Identifier: Apache-2.0
"""Nova's image cache manager, aware of the images below trusted disks."""

from __future__ import annotations

import os
from collections.abc import Iterator

from nova.virt.libvirt import imagecache

from nova_trusted_launch.compute.bases import SUFFIX


class TrustedImageCacheManager(imagecache.ImageCacheManager):
    """Age our files like Nova's own, and leave those in use untouched.

    Nova touches files in use; a changed time would make the next launch read
    the whole image again.
    """

    def _store_image(self, base_dir: str, ent: str,
                     original: bool = False) -> None:
        super()._store_image(base_dir, ent,
                             original or ent.endswith(SUFFIX))

    def _find_base_file(self, base_dir: str,
                        fingerprint: str) -> Iterator[str]:
        yield from super()._find_base_file(base_dir, fingerprint)
        ours = os.path.join(base_dir, fingerprint + SUFFIX)
        if os.path.exists(ours):
            yield ours

    def _mark_in_use(self, img_id: str, base_file: str) -> None:
        if not base_file.endswith(SUFFIX):
            super()._mark_in_use(img_id, base_file)
            return
        if base_file in self.unexplained_images:
            self.unexplained_images.remove(base_file)
        self.active_base_files.append(base_file)

# SPDX-License-Identifier: Apache-2.0
"""The API reference says what the routes say."""

from __future__ import annotations

import importlib.util
import pathlib

from attestation_service.api.routes import ROUTES

TOP = pathlib.Path(__file__).parents[3]


def _tool():
    spec = importlib.util.spec_from_file_location(
        "api_ref", TOP / "tools" / "api_ref.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_written_pages_are_up_to_date():
    stale = [path.name for path, text in _tool().files().items()
             if path.read_text("utf-8") != text]
    assert stale == []


def test_every_route_is_described():
    text = "".join(path.read_text("utf-8") for path in
                   (TOP / "api-ref" / "source").glob("*.inc"))
    missing = [f"{route.method} {route.path}" for route in ROUTES
               if f".. rest_method:: {route.method} {route.path}\n"
               not in text]
    assert missing == []

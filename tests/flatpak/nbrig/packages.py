# SPDX-License-Identifier: BSD-3-Clause
"""The base app, and a small app on it, both built by flatpak-builder from their manifests."""

import contextlib
import pathlib
import shutil
import sys

from . import app, config, runtime
from .steps import digest, step

BASE_ID = 'org.nestbox.BaseApp'
VIEWER_ID = 'org.nestbox.ImageViewer'
IDS = (BASE_ID, VIEWER_ID)
STAGE = config.RIG / 'packages'


def manifest(app_id):
    return config.SOURCE / 'tests/flatpak' / f'{app_id}.yaml'


def build_base():
    stage = STAGE / 'base'
    stage.mkdir(parents=True, exist_ok=True)
    app.stage_sources(stage, manifest(BASE_ID))
    app.build_and_install(stage, manifest(BASE_ID), BASE_ID)


def build_viewer():
    """No source of nestbox's: what it needs comes with the base."""
    stage = STAGE / 'viewer'
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    shutil.copytree(app.EXAMPLE, stage / app.EXAMPLE.name)
    shutil.copy2(manifest(VIEWER_ID), stage)
    app.build_and_install(stage, manifest(VIEWER_ID), VIEWER_ID)


def up():
    runtime.up()
    sources = app.source_files()
    key = digest(pathlib.Path(__file__), pathlib.Path(app.__file__),
                 *(str(path.relative_to(config.SOURCE)) for path in sources), *sources,
                 manifest(BASE_ID), app.MODULE)
    step('base-app', 'building and installing the base app', key, build_base)
    key = digest(key, *sorted(app.EXAMPLE.iterdir()), manifest(VIEWER_ID))
    step('viewer-app', 'building and installing an app on the base app', key, build_viewer)


def up_quietly():
    with contextlib.redirect_stdout(sys.stderr):
        up()

# SPDX-License-Identifier: BSD-3-Clause
"""QtWebEngine in the rig: a runtime and an app of its own.

The runtime is the rig's, hard-linked, with the distribution's packages of both
generations laid over it. Only what tests QtWebEngine makes it.
"""

import contextlib
import pathlib
import shutil
import subprocess
import sys

from . import app, config, runtime
from .steps import digest, step

APP_ID = 'org.nestbox.QtWebEngine'
RUNTIME_ID = 'org.nestbox.QtRuntime'
PACKAGES = ['python3-pyqt5.qtwebengine', 'python3-pyqt6.qtwebengine']
WANTED = runtime.WANTED + PACKAGES
LIST = 'packages-qt.txt'

TREE = config.RIG / 'qt-runtime'
STAGE = config.RIG / 'qt-app'
MANIFEST = config.SOURCE / 'tests/flatpak' / f'{APP_ID}.yaml'
VIEWER = [config.SOURCE / 'tests/flatpak' / name
          for name in ('qtwebengine-viewer', 'qtwebengine-viewer.py')]


def added_packages():
    known = {name for name, _ in runtime.packages()}
    return [name for name, _ in runtime.packages(WANTED, LIST) if name not in known]


def fetch():
    runtime.fetch(WANTED, LIST)


def lay_out():
    """files/ holds the links and what is new; what packages have in /etc, no program of
    these needs."""
    shutil.rmtree(TREE, ignore_errors=True)
    TREE.mkdir(parents=True)
    subprocess.run(['cp', '-al', runtime.TREE / 'files', TREE / 'usr'], check=True)
    (TREE / 'lib').symlink_to('usr/lib')
    for name in added_packages():
        runtime.unpack(config.DEBS / name, TREE)
    for folder in runtime.PRUNED:
        shutil.rmtree(TREE / folder, ignore_errors=True)
    (TREE / 'lib').unlink()
    for left in [path for path in TREE.iterdir() if path.name != 'usr']:
        shutil.rmtree(left)
    (TREE / 'usr').rename(TREE / 'files')
    (TREE / 'metadata').write_text(runtime.metadata(RUNTIME_ID))


def install_runtime():
    lay_out()
    runtime.export(TREE, RUNTIME_ID)
    shutil.rmtree(TREE)  # the repository has a copy


def build():
    STAGE.mkdir(parents=True, exist_ok=True)
    app.stage_sources(STAGE, MANIFEST)
    for path in VIEWER:
        shutil.copy2(path, STAGE)
    app.build_and_install(STAGE, MANIFEST, APP_ID)


def up():
    runtime.up()
    here = pathlib.Path(__file__)
    names = digest(*(name for name, _ in runtime.packages(WANTED, LIST)))
    step('qt-fetch', 'fetching packages of QtWebEngine', names, fetch)
    tree = digest(names, here, pathlib.Path(runtime.__file__))
    step('qt-runtime', 'unpacking and installing the runtime with QtWebEngine', tree,
         install_runtime)
    sources = app.source_files()
    key = digest(*(str(path.relative_to(config.SOURCE)) for path in sources), *sources,
                 MANIFEST, app.MODULE, *VIEWER)
    step('qt-app', 'building and installing the app with QtWebEngine', key, build)


def up_quietly():
    with contextlib.redirect_stdout(sys.stderr):
        up()

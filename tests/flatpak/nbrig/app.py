# SPDX-License-Identifier: BSD-3-Clause
"""Builds the app with flatpak-builder from the project's manifest and installs it."""

import contextlib
import pathlib
import shutil
import sys

from . import config, runtime
from .steps import command, digest, step

MANIFEST = config.SOURCE / 'tests/flatpak' / f'{config.APP_ID}.yaml'
MODULE = config.SOURCE / 'tests/flatpak/nestbox-module.yaml'
OWN = [config.SOURCE / 'tests/flatpak' / name for name in
       ('chromium-nestbox', f'{config.APP_ID}.desktop', f'{config.APP_ID}.metainfo.xml')]
STAGE = config.RIG / 'app'
EXAMPLE = config.SOURCE / 'tests/flatpak/example-viewer'
# What the manifests' modules need of nestbox: what is compiled or installed in an app.
SOURCES = ['Makefile', 'LICENSE', 'spawn', 'zygote', 'seccomp', 'tests/module.mk',
           'tests/programs', 'tests/attack', 'tests/lib']


def source_files():
    files = []
    for name in SOURCES:
        path = config.SOURCE / name
        files += [path] if path.is_file() else sorted(path.rglob('*'))
    return [path for path in files if path.is_file() and path.suffix != '.md']


def stage_sources(stage, manifest):
    """Lays manifest, module and sources side by side, as a packager's repository has them."""
    shutil.rmtree(stage / 'nestbox', ignore_errors=True)
    for path in source_files():
        target = stage / 'nestbox' / path.relative_to(config.SOURCE)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    shutil.copy2(manifest, stage)
    shutil.copy2(MODULE, stage)


def stage_example():
    shutil.rmtree(STAGE / EXAMPLE.name, ignore_errors=True)
    shutil.copytree(EXAMPLE, STAGE / EXAMPLE.name)


def stage_proxy():
    """Flatpak depends on it, so that the distribution's is there."""
    shutil.copy2(shutil.which('xdg-dbus-proxy'), STAGE)


def stage_browser():
    for package in runtime.BROWSER_PACKAGES:
        target = STAGE / f'{package}.deb'
        target.unlink(missing_ok=True)
        target.hardlink_to(runtime.deb(package))


def build_and_install(stage, manifest, app_id):
    environment = config.flatpak_environment()
    command(['flatpak-builder', '--user', '--disable-rofiles-fuse', '--disable-updates',
             '--force-clean', '--state-dir', stage / 'state', '--repo', config.REPO,
             stage / 'build', stage / manifest.name], 'app.log',
            'the compiler\'s or flatpak-builder\'s message above says what to mend',
            env=environment, cwd=stage, user=True)
    # Installing an app asks the system bus about parental controls: give it a private one.
    command(['dbus-run-session', '--', 'sh', '-c',
             'DBUS_SYSTEM_BUS_ADDRESS=$DBUS_SESSION_BUS_ADDRESS exec "$@"', 'sh',
             'flatpak', '--user', 'install', '-y', '--noninteractive', '--or-update', 'rig',
             f'app/{app_id}/{config.ARCH}/{config.BRANCH}'], 'app.log',
            'tests/flatpak/rig clean, then again', env=environment, user=True)


def build():
    stage_sources(STAGE, MANIFEST)
    stage_example()
    for path in OWN:
        shutil.copy2(path, STAGE)
    stage_browser()
    stage_proxy()
    build_and_install(STAGE, MANIFEST, config.APP_ID)


def browser_version():
    """Version of the distribution's browser, from the name of its package."""
    return runtime.deb('chromium').name.split('_')[1].split('-')[0]


def up():
    runtime.up()
    sources = source_files()
    key = digest(pathlib.Path(__file__), browser_version(),
                 *(str(path.relative_to(config.SOURCE)) for path in sources), *sources,
                 *sorted(EXAMPLE.iterdir()), MANIFEST, MODULE, *OWN)
    step('app', 'building and installing the app (flatpak-builder)', key, build)


def up_quietly():
    """For tests: progress goes to standard error, which TAP leaves alone."""
    with contextlib.redirect_stdout(sys.stderr):
        up()

# SPDX-License-Identifier: BSD-3-Clause
"""Names and places of the rig. Everything it writes is below the build folder."""

import os
import pathlib
import pwd
import tempfile

APP_ID = 'org.nestbox.Chromium'
RUNTIME_ID = 'org.nestbox.Runtime'
BRANCH = 'local'
ARCH = os.uname().machine


def session_uid():
    """What the rig's processes see themselves as: an ordinary user, if need be root's view
    of one. It has to be known to the system (dbus-daemon asks), but is given no rights."""
    if 'NESTBOX_RIG_UID' in os.environ:
        return int(os.environ['NESTBOX_RIG_UID'])
    known = [entry.pw_uid for entry in pwd.getpwall() if 0 < entry.pw_uid < 65534]
    return min(known, key=lambda uid: (uid < 1000, uid))


SOURCE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get('NESTBOX_BUILD', SOURCE / 'build')).resolve()
RIG = BUILD / 'rig'
DEBS = RIG / 'debs'
STAMPS = RIG / 'stamps'
REPO = RIG / 'repo'
FLATPAK = RIG / 'flatpak'
LOGS = RIG / 'logs'

# The application's root as the sub-sandboxes see it, for tests that look at files.
APP_FILES = FLATPAK / 'user/app' / APP_ID / ARCH / BRANCH / 'active/files'

# sun_path holds 108 bytes and Flatpak appends up to about 60 of its own.
LONGEST_RUNTIME_DIR = 46


def session_dir():
    """A new private folder for one session: sockets, home, temporary files.

    It lies below the build folder unless that path is too long for a socket's name.
    """
    RIG.mkdir(parents=True, exist_ok=True)
    parent = RIG if len(str(RIG)) <= LONGEST_RUNTIME_DIR - 10 else None
    return pathlib.Path(tempfile.mkdtemp(prefix='s-' if parent else 'nestbox-', dir=parent))


def flatpak_environment():
    """Points flatpak, flatpak-builder and ostree at the private installation."""
    return {
        'FLATPAK_USER_DIR': str(FLATPAK / 'user'),
        'FLATPAK_SYSTEM_DIR': str(FLATPAK / 'system'),
        'FLATPAK_CONFIG_DIR': str(FLATPAK / 'config'),
        'FLATPAK_RUN_DIR': str(FLATPAK / 'run'),
        'FLATPAK_SYSTEM_CACHE_DIR': str(FLATPAK / 'cache'),
        'XDG_DATA_HOME': str(FLATPAK / 'data'),
        'XDG_CACHE_HOME': str(FLATPAK / 'cache'),
        'XDG_CONFIG_HOME': str(FLATPAK / 'config'),
        'HOME': str(FLATPAK / 'home'),
        'PATH': os.environ.get('PATH', '/usr/bin:/bin'),
        'LC_ALL': 'C.UTF-8',
    }

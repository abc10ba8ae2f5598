# SPDX-License-Identifier: BSD-3-Clause
"""A session with the desktop's portals: xdg-desktop-portal, the document portal with its
file system, and tests/flatpak/portal-backend in the place of a desktop's dialogs."""

import json

from . import config
from .session import Session

LIBEXEC = '/usr/libexec'
DESKTOP = 'org.freedesktop.portal.Desktop'
DOCUMENTS = 'org.freedesktop.portal.Documents'
PERMISSIONS = 'org.freedesktop.impl.portal.PermissionStore'
BACKEND = 'org.freedesktop.impl.portal.desktop.nestbox'
NAME = 'nestbox'  # of the desktop, whose backend is ours
MOUNT = '''run=$1 place=$2; shift 2
mount -t tmpfs tmpfs /run; mkdir -p "$place"; mount --bind "$run" "$place"; exec "$@"'''


class PortalSession(Session):
    """The document portal mounts a file system, which takes CAP_SYS_ADMIN in the user
    namespace that owns the mount namespace. So the session has a mount namespace of its own,
    which takes the mount with it, and its bus hands on the capabilities; but to the document
    portal alone, as bubblewrap refuses to start with any."""

    namespaces = ('--user', '--mount')
    services = (*Session.services, 'xdg-desktop-por', 'xdg-document-po', 'xdg-permission-',
                'portal-backend', 'fusermount3')

    def private_environment(self):
        return dict(super().private_environment(), XDG_CURRENT_DESKTOP=NAME,
                    XDG_RUNTIME_DIR=f'/run/user/{config.session_uid()}',
                    XDG_DESKTOP_PORTAL_DIR=f'{self.dir}/portals',
                    XDG_DATA_HOME=f'{self.dir}/home/.local/share')

    def activatable(self):
        bare = '/usr/bin/setpriv --ambient-caps=-all --inh-caps=-all'
        commands = {name: f'{bare} {command}' for name, command in super().activatable().items()}
        backend = config.SOURCE / 'tests/flatpak/portal-backend'
        return {**commands, DESKTOP: f'{bare} {LIBEXEC}/xdg-desktop-portal',
                PERMISSIONS: f'{bare} {LIBEXEC}/xdg-permission-store',
                BACKEND: f'{bare} {backend} {self.dir}/portals',
                DOCUMENTS: f'{LIBEXEC}/xdg-document-portal'}

    def user(self):
        *words, end = super().user()
        place = self.environment['XDG_RUNTIME_DIR']
        return [*words, '--mount', '--keep-caps', end, 'sh', '-ec', MOUNT, 'sh',
                self.dir / 'run', place]

    def start_bus(self):
        """The backend is found by the file in the one way or the other: UseIn until
        xdg-desktop-portal 1.18, portals.conf since."""
        self.portals = self.dir / 'portals'
        self.portals.mkdir()
        (self.portals / f'{NAME}.portal').write_text(
            f'[portal]\nDBusName={BACKEND}\nUseIn={NAME}\n'
            'Interfaces=org.freedesktop.impl.portal.FileChooser\n')
        (self.portals / 'portals.conf').write_text(f'[preferred]\ndefault={NAME}\n')
        super().start_bus()

    def will_choose(self, *paths):
        """What the user does at the next dialogs: chooses these, or closes them."""
        answer = {'response': 0 if paths else 1, 'files': [str(path) for path in paths]}
        (self.portals / 'answer.json').write_text(json.dumps(answer))

    def asked(self):
        """The dialogs that the backend was asked for so far."""
        path = self.portals / 'asked.json'
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def ask_documents(self, method, *arguments):
        """The document portal's answer to who is in no sandbox, as text."""
        status, output = self.call(
            ['gdbus', 'call', '--session', '--dest', DOCUMENTS,
             '--object-path', '/org/freedesktop/portal/documents',
             '--method', f'{DOCUMENTS}.{method}', *arguments], 'documents.log')
        assert status == 0, output
        return output

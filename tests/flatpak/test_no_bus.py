#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Children without use for a bus: none is within their reach, or they are not started."""

import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config  # noqa: E402

PROGRAM = '/app/libexec/nestbox-tests/reach-bus'
NO_BUS_KINDS = ('zygote', 'renderer', 'utility', 'gpu')
SESSION_BUS = '1'  # zygote/PROTOCOL.md, HELLO


class SandboxesMadeByHand(case.SessionCase):
    """As the portal makes them, but with options that it can be asked for."""

    def reach_bus(self, *options):
        status, output = self.session.call(
            ['flatpak', 'run', '--user', '--sandbox', *options, f'--command={PROGRAM}',
             config.APP_ID], 'reach-bus.log')
        self.assertEqual(status, 0, output)
        return dict(line.split(' = ') for line in output.splitlines() if ' = ' in line)

    def test_01_without_a_bus_they_are_started(self):
        found = self.reach_bus()
        self.assertEqual((found['connect'], found['hello bus']), ('ENOENT', '0'))
        for kind in (*NO_BUS_KINDS, 'none'):
            self.assertEqual(found[kind], 'started', kind)
        self.assertEqual(found['preload'], 'passes')

    def test_02_an_address_alone_is_too_much(self):
        found = self.reach_bus()
        for kind in NO_BUS_KINDS:
            self.assertEqual(found[f'{kind} with address'], 'EISCONN', kind)
        self.assertEqual(found['none with address'], 'started')
        self.assertEqual(found['preload with address'], 'refuses')

    def test_03_where_the_session_bus_answers_nothing_is_started(self):
        found = self.reach_bus('--socket=session-bus')
        self.assertEqual((found['connect'], found['hello bus']), ('ok', SESSION_BUS))
        for kind in NO_BUS_KINDS:
            for how in ('', ' with address', ' with connection'):
                self.assertEqual(found[kind + how], 'EISCONN', kind + how)
        self.assertEqual(found['preload with address'], 'refuses')
        self.assertEqual(found['preload with connection'], 'refuses')

    def test_04_abstract_sockets_of_the_app_are_found(self):
        """With the app's network a bus that listens at such a name would answer."""
        name = f'\0tmp/dbus-{self.session.dir.name}'
        with socket.socket(socket.AF_UNIX) as bus:
            bus.bind(name)
            bus.listen()
            self.assertNotEqual(self.reach_bus('--share=network')['hello bus'], '0')
            self.assertEqual(self.reach_bus()['hello bus'], '0')


if __name__ == '__main__':
    case.main()

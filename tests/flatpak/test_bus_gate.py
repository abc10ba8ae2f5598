#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Children with an endpoint on the session bus: what a policy gives, and nothing besides."""

import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402

HOST = '/app/libexec/nestbox-tests/bus-host'
PROXY = '/app/bin/xdg-dbus-proxy'
NAME = f'{config.APP_ID}.Service'
OPEN, CLOSED = '/org/nestbox/Service/open/x', '/org/nestbox/Service/closed'
GONE_WITHIN_S = 1
POLICY = f'''# like dconf: one service, one subtree of its objects
call {NAME} org.nestbox.Service.Get@/org/nestbox/Service/open/*
broadcast {NAME} org.nestbox.Service.Changed@/org/nestbox/Service/open/*
'''


def call(path, method, name=NAME):
    return f'gdbus call --session -t 5 -d {name} -o {path} -m {method} 2>&1'


class Gate(case.SessionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.session.dir / f'home/.var/app/{config.APP_ID}/data'
        cls.data.mkdir(parents=True)
        cls.sandbox = cls.data.parent / 'sandbox'

    def tearDown(self):
        for pid in procs.descendants(os.getpid()):
            if procs.argv(pid)[0] == HOST:
                procs.kill(pid, 9)
        super().tearDown()

    def words(self, script, *words, policy=POLICY):
        path = self.data / 'policy'
        path.write_text(policy)
        return [str(path), *words, script]

    def run_children(self, script, *words, policy=POLICY, debug=''):
        status, output = self.run_in_app(
            HOST, *self.words(script, *words, policy=policy), timeout=60,
            options=[f'--env=NESTBOX_DEBUG={debug}'], log='bus-gate.log')
        self.assertEqual(status, 0, output)
        return output

    def proxies(self):
        return [pid for pid in procs.descendants(os.getpid())
                if procs.argv(pid)[0] == PROXY and procs.exists(pid)]

    def test_01_what_the_policy_says_passes(self):
        output = self.run_children(call(OPEN, 'org.nestbox.Service.Get'))
        self.assertIn(f"('{OPEN}',)", output)
        self.assertIn('child 1 exited 0', output)

    def test_02_nothing_else_does(self):
        denied = {
            'member': call(OPEN, 'org.nestbox.Service.Secret'),
            'path': call(CLOSED, 'org.nestbox.Service.Get'),
            'interface': call(OPEN, 'org.nestbox.Other.Get'),
            'flatpak': call('/org/freedesktop/portal/Flatpak',
                            'org.freedesktop.portal.Flatpak.Spawn',
                            'org.freedesktop.portal.Flatpak'),
            'portal': call('/org/freedesktop/portal/desktop',
                           'org.freedesktop.DBus.Peer.Ping', 'org.freedesktop.portal.Desktop'),
            'own': call('/org/freedesktop/DBus',
                        f'org.freedesktop.DBus.RequestName {config.APP_ID}.Sandboxed.X 0',
                        'org.freedesktop.DBus'),
            'monitor': call('/org/freedesktop/DBus',
                            "org.freedesktop.DBus.Monitoring.BecomeMonitor '[]' 0",
                            'org.freedesktop.DBus'),
        }
        script = '\n'.join(f'echo "{what}: $({line})"' for what, line in denied.items())
        output = self.run_children(script)
        for what in denied:
            self.assertRegex(output, rf'(?m)^{what}: .*(AccessDenied|ServiceUnknown|NameHasNoOwner)',
                             output)
        self.assertNotIn('secret', output)
        self.assertNotIn(f'{CLOSED}', output)

    def test_03_it_sees_nobody_else(self):
        output = self.run_children(call('/org/freedesktop/DBus', 'org.freedesktop.DBus.ListNames',
                                        'org.freedesktop.DBus'))
        names = set(re.findall(r"'([\w.]+)'", output))
        self.assertLessEqual(names, {'org.freedesktop.DBus', NAME}, output)

    def test_04_signals(self):
        """On some connection: proxies of 0.1.4 in a row lose a message at the start of others."""
        script = f'''until grep -q Changed /tmp/heard*
            do gdbus monitor --session -d {NAME} > /tmp/heard$((i += 1)) 2>&1 & sleep 0.5
            done; sleep 0.5; cat /tmp/heard*'''
        heard = self.run_children(script)
        self.assertIn(f'{OPEN}: org.nestbox.Service.Changed', heard)
        self.assertNotIn('Hidden', heard)
        self.assertNotIn(CLOSED, heard)

    def test_05_the_endpoint_is_there_and_nobodys_to_replace(self):
        script = '''socket=${DBUS_SESSION_BUS_ADDRESS#unix:path=}; folder=${socket%/*}
            ls -d ${folder%/*}/*; rm -f $socket; mv $folder $folder.old; touch $folder/x
            test -S $socket && echo "still there"; test -e /run/flatpak/bus || echo "no other"'''
        output = self.run_children(script)
        self.assertIn('still there', output)
        self.assertIn('no other', output)
        self.assertEqual(len(re.findall(r'(?m)^/.*/sandbox/nestbox-bus-1-\w+$', output)), 1, output)

    def test_06_it_is_gone_with_the_child(self):
        log = self.session.logs / 'bus-gate-end.log'
        log.unlink(missing_ok=True)
        process = self.session.run(self.words('echo "up $0"; exec sleep 1000'), command=HOST,
                                   log=log.name)
        procs.wait_for(lambda: 'up first' in log.read_text() or process.poll() is not None, 30,
                       'the child')
        self.assertEqual((len(self.proxies()), len(list(self.sandbox.glob('nestbox-bus-*')))),
                         (1, 2), log.read_text())
        child, = [pid for pid in procs.descendants(os.getpid())
                  if procs.argv(pid) == ['sleep', '1000']]
        procs.kill(child, 9)
        ended = time.monotonic()
        procs.wait_for(lambda: not self.proxies() and not list(self.sandbox.iterdir()),
                       GONE_WITHIN_S, 'the end of the endpoint')
        print(f'# gone after {(time.monotonic() - ended) * 1000:.0f} ms', flush=True)
        self.assertEqual(process.wait(10), 0)

    def test_07_two_children_have_two_and_see_one_each(self):
        script = 'socket=${DBUS_SESSION_BUS_ADDRESS#unix:path=}; ls -d ${socket%/*/*}/*; sleep 1'
        output = self.run_children(script, '--pair')
        shown = re.findall(r'(?m)^/.*/sandbox/(nestbox-bus-\d)-\w+$', output)
        self.assertEqual(sorted(shown), ['nestbox-bus-1', 'nestbox-bus-2'], output)

    def test_08_a_connection_that_is_passed_on_speaks_for_who_passed_it(self):
        script = f'case $0 in first) exec {HOST} give;; second) exec {HOST} take;; esac'
        output = self.run_children(script, '--pair', debug='bus')
        self.assertIn('taken: answered', output)
        calls = re.findall(r'bus: child (\d): .*member=Get|bus: child (\d): .*\bGet\b', output)
        self.assertTrue(calls, output)
        self.assertEqual({first or second for first, second in calls}, {'1'}, output)

    def test_09_what_is_never_given_is_refused_and_nothing_started(self):
        for policy, text in (('talk org.freedesktop.portal.Flatpak', 'line 1: .*is never given'),
                             ('\ncall org.freedesktop.portal.* *', 'line 2: .*is every portal'),
                             ('backend containers1', 'line 1: .*reserved')):
            output = self.run_children('echo ran', policy=policy)
            self.assertRegex(output, rf'child 1 failed: .*{text}', output)
            self.assertNotIn('\nran', output)

    def test_10_leftovers_of_a_killed_broker_are_swept(self):
        log = self.session.logs / 'bus-gate-left.log'
        log.unlink(missing_ok=True)
        self.session.run(self.words('echo up; exec sleep 1000'), command=HOST, log=log.name)
        procs.wait_for(lambda: '\nup' in '\n' + log.read_text(), 30, 'the child')
        broker, = [pid for pid in procs.descendants(os.getpid())
                   if procs.argv(pid) == ['nestbox-broker', '--host']]
        procs.kill(broker, 9)
        procs.wait_for(lambda: not self.proxies(), GONE_WITHIN_S * 5, 'the end of the proxy')
        self.assertTrue(list(self.sandbox.glob('nestbox-bus-*')))
        self.run_children('true')
        self.assertEqual(list(self.sandbox.iterdir()), [])

    def test_11_the_command_says_what_a_policy_gives(self):
        path = self.data / 'policy'
        path.write_text(POLICY)
        status, output = self.run_in_app('nestbox', 'bus-gate', '--check', str(path))
        self.assertEqual(status, 0, output)
        self.assertEqual(output.splitlines()[0], '--filter')
        self.assertIn(f'--call={NAME}=org.nestbox.Service.Get@/org/nestbox/Service/open/*', output)


if __name__ == '__main__':
    case.main()

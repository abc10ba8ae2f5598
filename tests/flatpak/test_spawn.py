#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nestbox spawn: a program of the app in a sub-sandbox, as a browser's helper would be."""

import json
import os
import pathlib
import pty
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402

HOST = '/app/libexec/nestbox-tests/bus-host'
NAME = f'{config.APP_ID}.Service'
OPEN = '/org/nestbox/Service/open/x'
POLICY = f'call {NAME} org.nestbox.Service.Get@/org/nestbox/Service/open/*\n'
CALL = f'gdbus call --session -t 5 -d {NAME} -o {OPEN} -m org.nestbox.Service.'


class SpawnCase(case.SessionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = cls.session.dir / f'home/.var/app/{config.APP_ID}/data'
        cls.data.mkdir(parents=True)
        (cls.data / 'secret').write_text('the secret\n')

    def in_shell(self, script, log='spawn.log', **more):
        return self.run_in_app('sh', '-c', script, log=log, **more)

    def start(self, log, *words, command='nestbox', awaited='up'):
        path = self.session.logs / log
        path.unlink(missing_ok=True)
        process = self.session.run(words, command=command, log=log)
        procs.wait_for(lambda: awaited in path.read_text(), 30, f'{log} to say {awaited}')
        return process

    def beside(self, option, command, program='echo up; exec sleep 1000', word=''):
        """What the command says beside a nestbox spawn, whose PID is $host, and that PID."""
        (self.data / 'beside').write_text(
            f'rm -f {self.data}/up && mkfifo {self.data}/up || exit\n'
            f'nestbox spawn {option} -- sh -c "{program}" {word} >{self.data}/up &\n'
            f'host=$!; read word <{self.data}/up; echo $host\n'
            f'{command}\nkill $host; wait\n')
        status, output = self.in_shell(f'sh {self.data}/beside')
        self.assertEqual(status, 0, output)
        host, answer = output.split('\n', 1)
        return answer, int(host)


class Spawn(SpawnCase):
    def test_01_streams_and_exit_status(self):
        status, output = self.in_shell(
            'echo words | nestbox spawn -- sh -c "cat; echo errors >&2; exit 7"; echo $?')
        self.assertEqual((status, sorted(output.split())), (0, ['7', 'errors', 'words']), output)

    def test_02_an_end_by_a_signal(self):
        status, output = self.in_shell('nestbox spawn -- sh -c "kill -TERM \\$\\$"')
        self.assertEqual(status, 128 + signal.SIGTERM, output)

    def test_03_what_it_cannot_do(self):
        attempts = {
            'home': f'cat {self.data}/secret',
            'bus': 'gdbus call --session -d org.freedesktop.DBus -o / '
                   '-m org.freedesktop.DBus.GetId',
        }
        script = '; '.join(f'({attempt}) >/dev/null 2>&1 && echo {what}-done'
                           for what, attempt in attempts.items())
        (self.data / 'try').write_text(script)
        status, output = self.in_shell(f'sh {self.data}/try; true')
        self.assertEqual(status, 0, output)
        self.assertEqual(output.split(), ['home-done', 'bus-done'])  # without it
        status, output = self.in_shell(f'nestbox spawn -- sh < {self.data}/try; true')
        self.assertEqual((status, output), (0, ''))

    def test_04_no_network(self):
        shown = 'ls /sys/class/net; grep -c ^ /proc/net/dev'
        _, app = self.in_shell(shown)
        _, apart = self.in_shell(f'nestbox spawn -- sh -c "{shown}"')
        self.assertNotEqual(app, apart)
        self.assertEqual(apart.split()[-1], '3', apart)  # two of headings, and lo

    def test_05_what_is_not_started(self):
        for words, expected, text in (
                ('-- no-such-program', 127, 'no such program'),
                ('-- /app', 127, 'no such program'),
                ('', 2, 'which program?'),
                ('--kind=zygote -- true', 2, 'worker or tool, not zygote'),
                ('--bus-policy=/no/policy -- true', 125, '/no/policy')):
            status, output = self.in_shell(f'nestbox spawn {words}')
            self.assertEqual(status, expected, f'{words}: {output}')
            self.assertIn(text, output)
            self.assertTrue(output.startswith('nestbox: '), output)

    def test_06_outside_flatpak_nothing_is_started(self):
        status, output = self.session.call(
            [config.SOURCE / 'build/out/nestbox-tool', 'spawn', '--', 'echo', 'ran'], 'spawn-host.log')
        self.assertEqual(status, 125, output)
        self.assertNotIn('ran', output)

    def test_07_it_ends_with_the_command(self):
        for number in (signal.SIGTERM, signal.SIGKILL):
            process = self.start('spawn-end.log', 'spawn', '--', 'sh', '-c',
                                 'echo up; exec sleep 1000')
            command, = [pid for pid in procs.descendants(os.getpid())
                        if procs.argv(pid)[:2] == ['nestbox', 'spawn']]
            procs.kill(command, number)
            process.wait(10)
            procs.wait_for(lambda: not [pid for pid in procs.descendants(os.getpid())
                                        if procs.argv(pid) == ['sleep', '1000']], 5,
                           'the end of the program')

    def test_08_the_bus_as_far_as_the_policy_allows(self):
        policy = self.data / 'policy'
        policy.write_text(POLICY)
        server = self.start('spawn-server.log', str(policy), 'echo up; exec sleep 1000',
                            command=HOST, awaited='up')
        for method, option, answer in (('Get', f'--bus-policy={policy}', OPEN),
                                       ('Secret', f'--bus-policy={policy}', 'AccessDenied'),
                                       ('Get', '', 'Error connecting')):
            _, output = self.in_shell(f'nestbox spawn {option} -- {CALL}{method}')
            self.assertIn(answer, output, method)
        for pid in procs.descendants(os.getpid()):
            if procs.argv(pid)[0] == HOST:
                procs.kill(pid, signal.SIGTERM)
        server.wait(10)

    def test_09_a_terminal_is_not_handed_on(self):
        ours, theirs = pty.openpty()
        process = self.session.run(['spawn', '--', 'sh', '-c', 'test -t 0 || test -t 1 || '
                                    'test -t 2 || echo none; cat; echo end >&2'],
                                   command='nestbox', stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        self.assertEqual(process.wait(30), 0)
        self.assertEqual(os.read(ours, 4096).split(), [b'none', b'end'])
        os.close(ours)

    def test_10_ps_shows_it(self):
        (self.data / 'policy').write_text(POLICY)
        for option, profile in (('', 'pages'), (f'--bus-policy={self.data}/policy', 'bus')):
            answer, pid = self.beside(option, 'nestbox ps --json')
            host, = json.loads(answer)['browsers']
            self.assertEqual((host['kind'], host['pid'], host['broker-answers']),
                             ('host', pid, True), answer)
            place, = [place for place in host['places'] if place.get('profile') == profile]
            self.assertEqual((place['state'], place['pids']),
                             ('ready', 'hidden' if self.hidden_pids else 'visible'))
            child, = place['children']
            self.assertEqual(child['kind'], 'other')
            self.assertGreater(child['inner-pid'], 1)
            self.assertEqual(child['pid'] is None, self.hidden_pids)

    def test_11_who_was_just_forked_is_no_zygote(self):
        """A shell that is called one, and a fork of it that has not become anything yet."""
        answer, _ = self.beside('', 'nestbox ps --json', '(echo up; sleep 1000; true); true',
                                '--type=zygote')
        host, = json.loads(answer)['browsers']
        kinds = [child['kind'] for place in host['places'] for child in place['children']]
        self.assertEqual(sorted(kinds), ['other', 'starting', 'zygote'], answer)

    def test_12_nothing_is_left_for_ps(self):
        self.in_shell('nestbox spawn -- true')
        status, output = self.in_shell('nestbox ps; ls -d /tmp/nestbox-* $XDG_RUNTIME_DIR/nestbox-*')
        self.assertNotIn('nestbox-', output.replace('nestbox-*', ''), output)
        self.assertNotEqual(status, 0)


class HiddenPids(Spawn):
    hidden_pids = True


class Identity(SpawnCase):
    """Where it has a PID to ask by."""

    def test_whose_it_is(self):
        answer, host = self.beside(
            '', 'pid=$(nestbox ps --json | sed -n \'s/.*{"pid": \\([0-9]*\\), "inner-pid": '
            '[0-9]*,.*"kind": "other".*/\\1/p\'); nestbox identify --json --pid=$pid')
        identity = json.loads(answer)
        self.assertEqual((identity['browser'], identity['sandbox'], identity['kind']),
                         (host, 'pages', 'utility'), answer)


if __name__ == '__main__':
    case.main()

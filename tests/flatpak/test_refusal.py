#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""When there can be no sandbox: no page, one line that says why, within 5 s, no hang."""

import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, session  # noqa: E402

FAULT_PORTAL = pathlib.Path(os.environ.get('NESTBOX_TEST_BUILD', config.BUILD / 'out'),
                            'tests/programs/fault-portal').resolve()
WITHIN_S = 5


class Refused(case.SessionCase):
    """Chromium itself, started where a sub-sandbox cannot be had."""

    reason = None

    def start(self, *words):
        begin = time.monotonic()
        status, output = self.run_in_app(*words, log=f'{type(self).__name__}.log', timeout=40)
        said = [line for line in output.splitlines() if line.startswith('nestbox: ')]
        return status, said, output, time.monotonic() - begin

    def check(self, reason, within=WITHIN_S, options=()):
        status, said, output, took = self.start(
            'nestbox', 'run', *options, '--', '/app/chromium/chromium', '--headless=new', '--dump-dom',
            'data:text/html,<p>unsandboxed</p>')
        self.assertNotEqual(status, 0)
        self.assertNotIn('<p>unsandboxed', output, 'no page may be shown')
        self.assertEqual(len(said), 1, output)
        self.assertIn(reason, said[0])
        self.assertLess(took, within + 1, f'one second for Flatpak and the browser: {output}')


class PortalMissing(Refused):
    session_options = {'portal': None}

    def test_01_is_said(self):
        self.check('the Flatpak portal does not answer')

    def test_02_doctor_says_it_too(self):
        status, output = self.run_in_app('nestbox', 'doctor')
        self.assertEqual(status, 1)
        self.assertIn('BAD  portal', output)
        self.assertIn('to do:', output)

    def test_03_is_said_to_a_browser_that_waits_for_its_zygote(self):
        self.check('the Flatpak portal does not answer', options=['--handshake=immediate'])


class PortalOld(Refused):
    """It cannot make PIDs visible; that is in the way only of those who insist on it."""

    session_options = {'portal': f'{FAULT_PORTAL} old'}

    def test_01_is_said(self):
        self.check('PIDs cannot be seen', options=['--pids=visible'])


class PortalSetUid(Refused):
    session_options = {'portal': f'{FAULT_PORTAL} set-uid'}

    def test_01_is_said(self):
        self.check('PIDs cannot be seen', options=['--pids=visible'])


class PortalRefuses(Refused):
    session_options = {'portal': f'{FAULT_PORTAL} refuse'}

    def test_01_is_said(self):
        self.check('refused a sub-sandbox: Spawning is not for you')


class PortalSilent(Refused):
    session_options = {'portal': f'{FAULT_PORTAL} silent'}

    def test_01_is_said(self):
        self.check('the Flatpak portal does not answer')


class SandboxDiesEarly(Refused):
    session_options = {'portal': f'{FAULT_PORTAL} exit'}

    def test_01_is_said_with_what_bubblewrap_said(self):
        self.check('ended before it was ready: bwrap: no such luck')

    def test_02_to_a_browser_that_waits_for_its_zygote(self):
        self.check('ended before it was ready: bwrap: no such luck',
                   options=['--handshake=immediate'])


class SandboxDiesBeforeTheAnswer(Refused):
    session_options = {'portal': f'{FAULT_PORTAL} early'}

    def test_01_is_said_with_what_bubblewrap_said(self):
        self.check('ended before it was ready: bwrap: no such luck')


class SandboxNeverComes(Refused):
    """Spawn is answered and nothing follows; a stranger's SpawnExited changes nothing."""

    session_options = {'portal': f'{FAULT_PORTAL} stranger'}

    def test_01_is_said(self):
        begin = time.monotonic()
        self.check('not ready in time', within=21)
        self.assertGreater(time.monotonic() - begin, 15, 'the stranger was believed')


class SetUidBubblewrap(Refused):
    @classmethod
    def setUpClass(cls):
        cls.session_options = {'bwrap': session.set_uid_bwrap()}
        super().setUpClass()

    def test_01_is_said_to_those_who_insist_on_visible_pids(self):
        self.check('bubblewrap is set-uid', options=['--pids=visible'])

    def test_02_doctor_says_that_pids_are_hidden(self):
        status, output = self.run_in_app('nestbox', 'doctor')
        self.assertEqual(status, 0)
        self.assertIn('supports 0x0: PIDs can be hidden only', output)
        self.assertIn('PIDs hidden: known by stand-ins', output)


class Misuse(Refused):
    def test_01_broker_that_cannot_start(self):
        status, said, _, took = self.start(
            'sh', '-c', 'ulimit -n 6; exec nestbox run -- /app/chromium/chromium')
        self.assertEqual(status, 125)
        self.assertIn('cannot start the broker', said[0])
        self.assertLess(took, WITHIN_S)

    def test_02_no_runtime_folder(self):
        status, said, _, _ = self.start('env', 'XDG_RUNTIME_DIR=/nonexistent', 'nestbox', 'run',
                                        '--', '/app/chromium/chromium')
        self.assertEqual(status, 125)
        self.assertIn('cannot make /nonexistent/nestbox-', said[0])

    def test_03_scripts_are_not_browsers(self):
        status, said, _, _ = self.start('nestbox', 'run', '--', '/app/bin/chromium-nestbox')
        self.assertEqual(status, 126)
        self.assertIn('is a script', said[0])

    def test_04_unknown_program(self):
        status, said, _, _ = self.start('nestbox', 'run', '--', 'no-such-browser')
        self.assertEqual(status, 127)
        self.assertIn('no such program', said[0])

    def test_05_bad_options(self):
        for words in (['--file-wall=paper'], ['--pids=maybe'], ['--unknown'], []):
            status, said, _, _ = self.start('nestbox', 'run', *words, '--',
                                            *(['true'] if words else []))
            self.assertEqual(status, 2, words)
            self.assertEqual(len(said), 1, words)

    def test_06_helper_without_broker(self):
        status, said, _, _ = self.start('/app/libexec/nestbox/nestbox-chrome-sandbox',
                                        '/app/chromium/chromium', '--type=zygote')
        self.assertEqual(status, 1)
        self.assertIn('was not started by `nestbox run`', said[0])

    def test_07_helpers_other_uses(self):
        status, _, output, _ = self.start('/app/libexec/nestbox/nestbox-chrome-sandbox',
                                          '--get-api')
        self.assertEqual((status, output.strip()), (0, '1'))

    def test_08_doctor_is_content_here(self):
        status, output = self.run_in_app('nestbox', 'doctor', '/app/chromium/chromium')
        self.assertEqual(status, 0, output)
        self.assertIn('PIDs visible', output)
        for row in ('Flatpak', 'portal', 'sub-sandbox', 'seccomp', 'Landlock', 'browser',
                    'user namespaces', 'host preload', 'zygote preload'):
            self.assertRegex(output, f'ok +{row} ')
        self.assertNotIn('\033', output, 'colours are for terminals')

    def test_08_doctor_for_programs(self):
        status, output = self.run_in_app('nestbox', 'doctor', '--json', '/app/chromium/chromium')
        result = json.loads(output)
        self.assertEqual((status, result['ok']), (0, True), output)
        self.assertEqual({check['ok'] for check in result['checks']}, {True})
        self.assertLessEqual({'portal', 'sub-sandbox', 'GPU sub-sandbox', 'browser'},
                             {check['check'] for check in result['checks']})

    def test_09_help_and_version(self):
        for words in (['--help'], ['--version'], ['run', '--help'], ['doctor', '--help']):
            status, said, output, _ = self.start('nestbox', *words)
            self.assertEqual((status, said), (0, []), words)
            self.assertIn('nestbox', output)

    def test_10_other_names_for_the_helper(self):
        status, _, output, _ = self.start(
            'nestbox', 'run', '--helper-name=msedge-sandbox', '--',
            '/app/libexec/nestbox-tests/launch-like-chromium', '/usr/bin/true', '--type=zygote')
        self.assertEqual(status, 3)
        self.assertIn('No usable sandbox', output, 'it is not called chrome-sandbox then')

    def test_11_a_browser_in_the_home_is_refused(self):
        for name in ('$XDG_DATA_HOME/browser', '/tmp/link'):
            status, said, output, _ = self.start('sh', '-c', f'''
                cp /app/libexec/nestbox-tests/launch-like-chromium "$XDG_DATA_HOME/browser" &&
                ln -sf "$XDG_DATA_HOME/browser" /tmp/link &&
                exec nestbox run -- "{name}" /usr/bin/true --type=zygote''')
            self.assertEqual((status, len(said)), (126, 1), output)
            self.assertIn('/data/browser cannot be seen in a sub-sandbox, which has /app and '
                          '/usr alone', said[0])

    def test_12_a_zygote_in_the_home_is_not_run_elsewhere(self):
        status, said, output, _ = self.start('sh', '-c', '''
            cp /usr/bin/true "$XDG_DATA_HOME/browser" &&
            exec nestbox run -- /app/libexec/nestbox-tests/launch-like-chromium \\
              "$XDG_DATA_HOME/browser" --type=zygote''')
        self.assertEqual((status, len(said)), (1, 1), output)
        self.assertIn('sandbox not started: the program cannot be started in the sub-sandbox, '
                      'where only /app and /usr exist: No such file or directory', said[0])


if __name__ == '__main__':
    case.main()

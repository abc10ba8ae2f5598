#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""A browser that restarts while its app is updated: in which version, and is it sandboxed?

The installation and its repository are copies, hard-linked, which are updated for real."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402
from nbrig.session import Session  # noqa: E402

REF = f'app/{config.APP_ID}/{config.ARCH}/{config.BRANCH}'
PROGRAMS = '/app/libexec/nestbox-tests'
LIFE_S = 30


class Updated(case.SessionCase):
    @classmethod
    def setUpClass(cls):
        cls.session = Session()
        cls.user, cls.repo = cls.session.dir / 'user', cls.session.dir / 'repo'
        for source, copy in ((config.FLATPAK / 'user', cls.user), (config.REPO, cls.repo)):
            subprocess.run(['cp', '-al', source, copy], check=True)
        cls.session.environment['FLATPAK_USER_DIR'] = str(cls.user)
        cls.session.__enter__()
        cls.flatpak('remote-modify', '--user', '--no-gpg-verify', f'--url=file://{cls.repo}',
                    'rig')

    @classmethod
    def flatpak(cls, *words):
        status, output = cls.session.call(['flatpak', *words], 'restart-flatpak.out')
        if status != 0:
            raise AssertionError(output)
        return output

    def commit(self):
        return self.flatpak('info', '--user', '--show-commit', REF).strip()

    def update(self):
        """The app's newest commit from now on: the same files, at another time."""
        before = self.commit()
        self.flatpak('build-commit-from', '--force', f'--src-ref={REF}',
                     f'--subject=after {before}', self.repo, REF)
        self.flatpak('update', '--user', '-y', '--noninteractive', REF)
        self.assertNotEqual(self.commit(), before)

    def restart(self, *options, arguments=(), environment=(), status=0):
        """What a browser says that restarts after an update, and the app's two commits."""
        log = self.session.logs / 'restart.out'
        log.unlink(missing_ok=True)
        before = self.commit()
        process = self.session.run(
            ['run', *options, '--', f'{PROGRAMS}/execute-itself', f'{PROGRAMS}/probe-walls',
             *arguments],
            command='nestbox', log=log.name, stdin=subprocess.PIPE,
            options=[f'--env={entry}' for entry in environment])
        procs.wait_for(lambda: f'first life in {before}' in log.read_text(), LIFE_S,
                       'its first life')
        self.update()
        process.stdin.close()
        self.assertEqual(process.wait(LIFE_S), status)
        procs.wait_for(lambda: 'second life in ' in log.read_text(), LIFE_S, 'its second life')
        return log, before, self.commit()

    def check_sandboxed(self, log):
        procs.wait_for(lambda: 'done' in log.read_text().splitlines(), LIFE_S, 'the probe')
        output = log.read_text()
        self.assertIn('before /etc/passwd = ok', output)
        self.assertIn('after /etc/passwd = EACCES', output)
        self.assertIn('before interfaces = 0', output)

    def test_01_in_the_newest(self):
        log, before, newest = self.restart('--restart=latest')
        self.check_sandboxed(log)
        self.assertIn(f'second life in {newest}', log.read_text())
        self.assertNotEqual(before, newest)

    def test_02_in_the_same(self):
        log, before, _ = self.restart()
        self.check_sandboxed(log)
        self.assertIn(f'second life in {before}', log.read_text())

    def test_03_by_the_apps_own_wrapper(self):
        """Here one that puts nothing around it, so that there is no sandbox, and no page."""
        log, _, newest = self.restart(
            '--restart=latest', environment=[f'CHROME_WRAPPER={PROGRAMS}/execute-itself'])
        self.assertIn(f'second life in {newest}', log.read_text())
        procs.wait_for(lambda: 'chrome-sandbox: No such file' in log.read_text(), LIFE_S,
                       'the end of what has no sandbox')

    def test_04_by_a_relauncher(self):
        """As at Electron's app.relaunch(): a helper starts the browser anew."""
        log, _, newest = self.restart('--restart=latest', arguments=['--relaunch'])
        self.check_sandboxed(log)
        self.assertIn(f'second life in {newest}', log.read_text())

    def test_05_what_runs_as_node_is_no_browser(self):
        log, before, _ = self.restart('--restart=latest',
                                      environment=['ELECTRON_RUN_AS_NODE=1'], status=127)
        output = log.read_text()
        self.assertIn(f'second life in {before}', output, 'it was just executed')
        self.assertIn('chrome-sandbox: No such file', output, 'nothing of nestbox is in it')
        self.assertNotIn('nestbox: ', output)

    def test_06_where_the_portal_does_not_help(self):
        log = self.session.logs / 'restart.out'
        log.unlink(missing_ok=True)
        process = self.session.run(
            ['-c', 'DBUS_SESSION_BUS_ADDRESS=unix:path=/nowhere exec nestbox run '
             f'--restart=latest -- {PROGRAMS}/execute-itself {PROGRAMS}/probe-walls'],
            command='sh', log=log.name)
        self.assertNotEqual(process.wait(LIFE_S), 0)
        output = log.read_text()
        self.assertIn('nestbox: the browser restarts in this version of the app, because the '
                      'newest cannot be had: ', output)
        self.assertIn('second life in ', output)
        self.assertIn('nestbox: sandbox not started: ', output)


if __name__ == '__main__':
    case.main()

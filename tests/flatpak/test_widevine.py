#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The folder of Widevine, a fake of it, in a profile: pages' zygote sees it, read-only and
until it gives up opening files; nothing else of the home is seen, and nobody else sees it."""

import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402

NESTBOX = '/app/bin/nestbox'
PROGRAMS = '/app/libexec/nestbox-tests'
EVERY = 20  # seconds: how often the broker looks for it
TOLD = 'Widevine has been installed in '


class Folder(case.SessionCase):
    """It lies where Chromium's component updater puts it."""

    def setUp(self):
        home = self.session.dir / 'home'
        self.profile = home / '.var/app' / config.APP_ID / 'config/chromium'
        self.folder = self.profile / 'WidevineCdm'
        self.marker = self.folder / 'marker'

    def tearDown(self):
        self.remove()
        super().tearDown()

    def make(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        self.marker.write_text('fake')
        (self.profile / 'secret').write_text('of the profile')

    def remove(self):
        subprocess.run(['rm', '-rf', self.profile], check=True)

    def probe(self, *options):
        """What someone in the zygote's place can do with the marker, and its neighbour."""
        secret = self.profile / 'secret'
        status, output = self.run_in_app(
            'nestbox', 'run', *options, '--', f'{PROGRAMS}/launch-like-chromium',
            f'{PROGRAMS}/probe-walls', '--type=zygote', f'--file={secret}',
            f'--file={self.marker}')
        self.assertEqual(status, 0, output)
        self.assertIn('done', output.splitlines())
        rows = dict(line.split(' = ') for line in output.splitlines() if ' = ' in line)
        for stage in ('before', 'after', 'child'):
            self.assertIn(rows[f'{stage} {secret}'], ('ENOENT', 'EACCES'))
        return rows


class Exposed(Folder):
    walls = ('landlock', 'seccomp')

    def test_01_it_is_found_and_read_only_until_the_wall(self):
        self.make()
        for wall in self.walls:
            rows = self.probe(f'--file-wall={wall}')
            self.assertEqual(rows[f'before {self.marker}'], 'ok', wall)
            self.assertEqual(rows['before writing it'], 'EROFS')
            for stage in ('after', 'child'):
                self.assertEqual(rows[f'{stage} {self.marker}'], 'EACCES', wall)
                self.assertIn(rows[f'{stage} writing it'], ('EROFS', 'EACCES'), wall)

    def test_02_only_if_it_is_wanted_and_there(self):
        self.make()
        self.assertEqual(self.probe('--widevine=off')[f'before {self.marker}'], 'ENOENT')
        self.remove()
        self.assertEqual(self.probe()[f'before {self.marker}'], 'ENOENT')

    def test_03_a_link_in_its_place_leads_nowhere(self):
        self.make()
        (self.profile / 'elsewhere').mkdir()
        (self.profile / 'elsewhere/marker').write_text('x')
        subprocess.run(['rm', '-r', self.folder], check=True)
        self.folder.symlink_to('elsewhere')
        self.assertEqual(self.probe()[f'before {self.marker}'], 'ENOENT')

    def test_04_with_a_browser(self):
        self.make()
        with self.browser(log=f'{type(self).__name__}.log') as chrome:
            tab = chrome.tab('chrome://sandbox')
            self.assertIn('You are adequately sandboxed.',
                          tab.evaluate('document.body.innerText'))
            zygote, = chrome.of_kind('zygote')
            mounts = [line.split() for line in procs.read(zygote, 'mountinfo').splitlines()
                      if str(self.session.dir / 'home') in line.split()[4]]
            self.assertEqual([(mount[4], mount[5].split(',')[0]) for mount in mounts],
                             [(str(self.folder), 'ro')])
            for gpu in chrome.of_kind('zygote (unsandboxed)'):
                self.assertFalse(os.path.exists(f'/proc/{gpu}/root{self.marker}'))
            status, output = chrome.run_beside(NESTBOX, 'audit', '--all')
            self.assertIn(status, (0, 3), output)
            if not self.hidden_pids:  # then there are stand-ins to look at
                self.assertIn('home               nothing of it is mounted but Widevine, '
                              'read-only', output)
            self.assertNotIn(TOLD, chrome.output())

    def test_05_it_comes_while_the_browser_runs(self):
        with self.browser(log=f'{type(self).__name__}-late.log') as chrome:
            chrome.tab('data:text/html,before')
            self.assertNotIn(TOLD, chrome.output())
            self.make()
            procs.wait_for(lambda: TOLD in chrome.output(), 2 * EVERY, 'a word of it')
            said = [line for line in chrome.output().splitlines() if TOLD in line]
            self.assertEqual(said, [f'nestbox: {TOLD}{self.folder}: restart the browser, '
                                    'and pages have it'])
            zygote, = chrome.of_kind('zygote')
            self.assertFalse(os.path.exists(f'/proc/{zygote}/root{self.marker}'))


class HiddenPids(Exposed):
    hidden_pids = True
    walls = ('landlock',)


if __name__ == '__main__':
    case.main()

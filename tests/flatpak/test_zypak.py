#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Commands of apps that were written for zypak, unchanged: are they sandboxed, is it said
what is not followed?"""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402
from nbrig.browser import Browser  # noqa: E402

ISOLATED = ('pid', 'net', 'mnt', 'ipc')


class CommandOfAnApp(Browser):
    """The browser by a shell script, as a manifest installs one for its app's command."""

    script, variables = '', {}

    def __init__(self, session, script, variables, **options):
        self.script = script
        super().__init__(session, environment=variables, **options)

    def command(self, options, environment):
        words = ['flatpak', 'run', '--user', '--unset-env=DBUS_SYSTEM_BUS_ADDRESS']
        words += [f'--env={key}={value}' for key, value in environment.items()]
        return words + ['--command=sh', config.APP_ID, '-c', self.script, 'my-app']


class ElectronBaseApp(case.SessionCase):
    """As the Electron base app's documentation has it."""

    SCRIPT = 'exec zypak-wrapper.sh /app/chromium/chromium "$@"'
    VARIABLES = {}
    NOTES = []

    def start(self):
        return CommandOfAnApp(self.session, self.SCRIPT, self.VARIABLES,
                              log=f'{type(self).__name__}.log')

    def test_01_it_starts_sandboxed_and_says_what_it_has_to(self):
        served = case.Server()
        with self.start() as chrome:
            tab = chrome.tab('chrome://sandbox')
            self.assertIn('You are adequately sandboxed.',
                          tab.evaluate('document.body.innerText'))
            tab = chrome.tab(served.url('index.html'))
            self.assertEqual(tab.evaluate('6 * 7'), 42)
            children = chrome.of_kind('zygote', 'renderer')
            self.assertEqual({procs.kind(pid) for pid in children}, {'zygote', 'renderer'})
            for pid in children:
                for kind in ISOLATED:
                    self.assertNotEqual(procs.namespace(pid, kind),
                                        procs.namespace(chrome.pid, kind), kind)
                self.assertFalse([name for name in procs.environment(pid)
                                  if name.startswith('ZYPAK_')])
            said = [line for line in chrome.output().splitlines() if 'ZYPAK_' in line]
        served.close()
        self.assertEqual(len(said), len(self.NOTES), said)
        for line, note in zip(sorted(said), self.NOTES):
            self.assertRegex(line, f'^nestbox: {note}')


class DisabledSandbox(ElectronBaseApp):
    """As an app that moved temporary files, and had its sandbox taken away."""

    SCRIPT = ('FLAGS="--no-default-browser-check"\n'
              'exec env TMPDIR="$XDG_RUNTIME_DIR/app/$FLATPAK_ID" zypak-wrapper '
              '/app/chromium/chromium $FLAGS "$@"')
    VARIABLES = {'ZYPAK_DISABLE_SANDBOX': '1', 'ZYPAK_ZYGOTE_STRATEGY_SPAWN': '0'}
    NOTES = ['ZYPAK_DISABLE_SANDBOX is not followed: pages stay in their sub-sandbox',
             'ZYPAK_ZYGOTE_STRATEGY_SPAWN has no meaning here']


class BrandedBrowser(ElectronBaseApp):
    """As a browser with Widevine, which restarts into updates."""

    SCRIPT = ('export ZYPAK_EXPOSE_WIDEVINE_PATH="$XDG_CONFIG_HOME/x/WidevineCdm"\n'
              'export ZYPAK_SANDBOX_FILENAME="${ZYPAK_SANDBOX_FILENAME-chrome-sandbox}"\n'
              'export CHROME_WRAPPER="$(readlink -f "$0")"\n'
              'PATH="/app/chromium:$PATH"\n'
              'exec zypak-wrapper chromium "$@"')
    VARIABLES = {'ZYPAK_SPAWN_LATEST_ON_REEXEC': '1', 'ZYPAK_QUIRKS': 'x'}
    NOTES = ['ZYPAK_QUIRKS is not known, and ignored']


class OtherHelper(case.SessionCase):
    def test_01_its_name_is_taken_over(self):
        status, output = self.run_in_app(
            'zypak-wrapper', '/app/libexec/nestbox-tests/launch-like-chromium',
            '/usr/bin/true', '--type=zygote',
            options=['--env=ZYPAK_SANDBOX_FILENAME=msedge-sandbox'])
        self.assertEqual(status, 3)
        self.assertIn('No usable sandbox', output, 'it is not called chrome-sandbox then')

    def test_02_a_script_is_refused(self):
        status, output = self.run_in_app('zypak-wrapper', '/app/bin/chromium-nestbox')
        self.assertEqual(status, 126)
        self.assertIn('is a script', output)

    def test_03_nothing_is_named(self):
        status, output = self.run_in_app('zypak-wrapper')
        self.assertEqual((status, len(output.splitlines())), (2, 1))
        self.assertIn('no browser is named', output)


if __name__ == '__main__':
    case.main()

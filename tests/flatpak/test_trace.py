#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nestbox run --trace, nestbox trace: what a running Chromium and its zygotes say, decoded;
who writes it, what is not in it, and that pages are sandboxed as ever."""

import json
import os
import pathlib
import signal
import stat
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402
from nbrig.browser import Browser  # noqa: E402

NESTBOX = '/app/bin/nestbox'
IN_APP = '/var/data/trace'
NO_BROWSER = 4
RECORDERS = {'nestbox-broker', 'nestbox-chrome-sandbox'[:15], 'nestbox-gpu-router'[:15]}


class VisiblePids(case.SessionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = case.Server()
        cls.file = cls.session.dir / 'home/.var/app' / config.APP_ID / 'data/trace'
        cls.chrome = Browser(cls.session, options=[f'--trace={IN_APP}'],
                             log=f'{cls.__name__}.log')

    @classmethod
    def tearDownClass(cls):
        cls.chrome.__exit__(None, None, None)
        cls.served.close()
        super().tearDownClass()

    def tearDown(self):
        pass  # the browser goes on

    def trace(self):
        """Every line so far, by the program beside the browser, which finds the file."""
        status, output = self.chrome.run_beside(NESTBOX, 'trace', '--json')
        self.assertEqual(status, 0, output)
        return [json.loads(line) for line in output.splitlines()]

    def said(self, message, **wanted):
        return [line for line in self.trace() if line['message'] == message
                and all(line.get(key) == value for key, value in wanted.items())]

    def app_pid(self, pid):
        level = len(procs.status(self.chrome.pid)['NSpid'].split()) - 1
        return int(procs.status(pid)['NSpid'].split()[level])

    def children(self):
        """What the browser knows the zygote's children by."""
        return self.chrome.of_kind('renderer', 'utility:utility')

    def known_pids(self):
        return {self.app_pid(pid) for pid in self.children()}

    def test_01_the_start(self):
        started, = self.said('STARTED')
        self.assertEqual(started['pid'], self.app_pid(self.chrome.broker))
        self.assertEqual(started['browser'], self.app_pid(self.chrome.pid))
        self.assertTrue(self.said('SANDBOX', conversation='pages', to='ready'))
        hello, = self.said('HELLO', conversation='pages')
        self.assertEqual(hello['direction'], 'controller>broker')
        welcome, = self.said('WELCOME', conversation='pages')
        self.assertEqual(welcome['relay'], 'yes' if self.hidden_pids else 'no')
        asked, = self.said('EXEC', conversation='pages', kind='zygote')
        answer, = self.said('RESULT', conversation='pages', serial=asked['serial'], error=0)
        self.assertGreater(answer['after-ms'], 0)
        self.assertEqual(asked['wall'], 'auto')

    def test_02_the_greeting(self):
        for text in ('ZYGOTE_BOOT', 'ZYGOTE_OK'):
            if self.hidden_pids:
                line, = self.said('SAY', conversation='stand-ins', text=text)
            else:
                line, = self.said(text, conversation='zygote', direction='zygote>browser')
        status, = self.said('GetSandboxStatus-reply', conversation='zygote')
        self.assertEqual(int(status['status'], 16) & 0xf, 0xf & 0x2d | 2)

    def test_03_a_page_is_forked(self):
        before = len(self.said('Fork', type='renderer'))
        url = self.served.url('index.html').replace('127.0.0.1', 'localhost')
        tab = self.chrome.tab(url)
        self.assertEqual(tab.evaluate('6 * 7'), 42)
        forks = self.said('Fork', type='renderer', conversation='zygote',
                          direction='browser>zygote')
        self.assertGreater(len(forks), before)
        self.assertGreater(forks[-1]['arguments'], 3)
        self.assertEqual(forks[-1]['fds'], forks[-1]['keys'] + 1)
        replies = {line['pid'] for line in self.said('Fork-reply', conversation='zygote')}
        real = {line['pid'] for line in self.said('ForkRealPID', conversation='zygote')}
        self.assertEqual(replies, real)
        self.assertLessEqual(self.known_pids(), replies)
        for line in self.said('Fork-reply'):
            self.assertTrue(0 < line['after-ms'] < 10000, line)
        tab.close()

    def test_04_the_end_of_children(self):
        """Of those that are killed the browser asks its zygote what has become."""
        url = self.served.url('index.html').replace('127.0.0.1', 'localhost')
        before = self.children()
        tab = self.chrome.tab(url)
        killed = [pid for pid in self.children() if pid not in before]
        self.assertTrue(killed)
        known = {self.app_pid(pid) for pid in killed}
        for pid in killed:
            procs.kill(pid, signal.SIGKILL)
        procs.wait_for(lambda: [line for line in self.said('GetTerminationStatus')
                                if line['pid'] in known], 20, 'a question')
        self.assertTrue(self.said('GetTerminationStatus-reply', status='killed'))
        tab.close()

    def test_05_the_gpu_process(self):
        fork, = self.said('Fork', type='gpu-process')
        self.assertEqual(fork['conversation'], 'unsandboxed-zygote')
        self.assertTrue(self.said('EXEC', conversation='gpu', kind='unsandboxed-zygote'))
        self.assertEqual(bool([line for line in self.trace()
                               if line['conversation'] == 'gpu-stand-ins']), self.hidden_pids)

    def test_06_no_helper_is_executed_for_a_score(self):
        """Children have theirs, and the browser does not fork itself to set them."""
        self.assertTrue(self.said('HELLO', conversation='pages'))
        self.assertEqual(self.said('OOM_ADJUST'), [])
        scores = {procs.read(pid, 'oom_score_adj').strip()
                  for pid in self.chrome.of_kind('renderer')}
        self.assertEqual(scores, {'300'})

    def test_07_it_keeps_secrets(self):
        text = self.file.read_text()
        for word in ('http', 'localhost', '--', 'index', '/app', 'HOME', 'chromium'):
            self.assertNotIn(word, text)
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_08_nobody_else_has_it(self):
        """Neither open nor in sight: no child is nearer to anything for being traced."""
        recorders = set()
        for pid in self.chrome.pids():
            try:
                open_files = [os.readlink(f'/proc/{pid}/fd/{fd}')
                              for fd in os.listdir(f'/proc/{pid}/fd')]
            except OSError:
                continue
            if any(path.endswith('data/trace') for path in open_files):
                recorders.add(procs.name(pid))
        self.assertEqual(recorders, RECORDERS)
        for pid in self.chrome.sub_sandbox():
            self.assertFalse(os.path.exists(f'/proc/{pid}/root{IN_APP}'))

    def test_09_pages_are_sandboxed_as_ever(self):
        tab = self.chrome.tab('chrome://sandbox')
        self.assertIn('You are adequately sandboxed.',
                      tab.evaluate('document.body.innerText'))
        status, output = self.chrome.run_beside(NESTBOX, 'audit', '--all')
        self.assertIn(status, (0, 3), output)
        tab.close()

    def test_10_for_people_to_the_end(self):
        """On the host, which has the file as well: nothing outlives the app to print it."""
        log = self.session.logs / 'trace-watch.out'
        log.unlink(missing_ok=True)
        watching = self.session.popen([config.SOURCE / 'build/out/nestbox-tool', 'trace', '--watch',
                                       self.file], log.name)
        procs.wait_for(lambda: 'STARTED' in log.read_text(), 10, 'what there is already')
        self.assertEqual(self.chrome.quit(), 0)
        self.assertEqual(watching.wait(10), 0)
        lines = log.read_text().splitlines()
        self.assertRegex(lines[0], r'^   0\.000000  broker +- +STARTED pid=\d+ browser=\d+')
        self.assertRegex(lines[-1], r'^ +\d+\.\d{6}  broker +- +ENDED$')
        self.assertTrue([line for line in lines if 'browser>zygote      Fork type=' in line])
        case.SessionCase.tearDown(self)


class HiddenPids(VisiblePids):
    hidden_pids = True

    def children(self):
        return self.chrome.stand_in_processes


class NotTraced(case.SessionCase):
    def test_01_it_is_said(self):
        status, output = self.run_in_app('nestbox', 'trace')
        self.assertEqual(status, NO_BROWSER, output)
        self.assertIn('no browser is traced here', output)


if __name__ == '__main__':
    case.main()

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Whatever ends, and however: nothing of a sub-sandbox outlives its browser."""

import os
import pathlib
import pty
import signal
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs  # noqa: E402
from nbrig.case import GONE_WITHIN_S  # noqa: E402


class Ends(case.SessionCase):
    def open_browser(self):
        browser = self.browser()
        browser.page = browser.tab('data:text/html,hello')
        self.assertGreaterEqual(len(browser.sub_sandbox()), 4)
        return browser

    def assert_gone(self, pids, what):
        procs.wait_for(lambda: not [pid for pid in pids if procs.exists(pid)], GONE_WITHIN_S,
                       f'the end of the sub-sandbox after {what}')

    def end_browser_after(self, victim_of, what):
        """Kills something, then the browser; everything must be gone in time."""
        with self.open_browser() as browser:
            pid, sandboxed = browser.pid, browser.sub_sandbox()
            helpers = [browser.broker, browser.stand_in, browser.gpu_router]
            victim = victim_of(browser)
            procs.kill(victim, signal.SIGKILL)
            procs.wait_for(lambda: not procs.exists(victim), 2, f'the end of {what}')
            procs.kill(pid, signal.SIGKILL)
            self.assert_gone(sandboxed + helpers, f'{what} was killed')

    def test_01_browser_quits(self):
        with self.open_browser() as browser:
            sandboxed = browser.sub_sandbox()
            self.assertEqual(browser.quit(), 0)
            self.assert_gone(sandboxed, 'the browser quit')

    def test_02_browser_killed(self):
        self.end_browser_after(lambda browser: browser.pid, 'the browser')

    def test_03_broker_killed(self):
        """The sandbox goes at once, not only with the browser."""
        with self.open_browser() as browser:
            sandboxed = browser.sub_sandbox()
            procs.kill(browser.broker, signal.SIGKILL)
            self.assert_gone(sandboxed, 'the broker was killed')
            self.assertIn('the broker ended', browser.output())
            folder = next(self.session.dir.glob('run/nestbox-*'), None)
            self.assertIsNone(folder, 'the folder lies inside the app, not on the host')

    def test_04_controller_killed(self):
        with self.open_browser() as browser:
            sandboxed = browser.sub_sandbox()
            for pid in browser.controllers:
                procs.kill(pid, signal.SIGKILL)
            self.assert_gone(sandboxed, 'the controllers were killed')

    def test_05_portal_killed_then_browser_ends(self):
        self.end_browser_after(lambda browser: self.session.portal_pid(), 'the portal')

    def test_06_portal_killed_and_browser_goes_on(self):
        with self.open_browser() as browser:
            procs.kill(self.session.portal_pid(), signal.SIGKILL)
            tab = browser.tab('data:text/html,<p>still')
            self.assertEqual(tab.evaluate('document.body.innerText'), 'still')

    def test_07_zygote_killed(self):
        with self.open_browser() as browser:
            zygote, = browser.of_kind('zygote')
            sandboxed = [pid for pid in browser.sub_sandbox()
                         if procs.kind(pid) in ('zygote', 'renderer', 'utility:utility')]
            procs.kill(zygote, signal.SIGKILL)
            self.assert_gone(sandboxed, 'the zygote was killed')

    def test_08_stand_in_killed(self):
        self.end_browser_after(lambda browser: browser.stand_in, 'the stand-in')

    def test_09_browser_terminated(self):
        with self.open_browser() as browser:
            sandboxed = browser.sub_sandbox()
            procs.kill(browser.pid, signal.SIGTERM)
            browser.process.wait(10)
            self.assert_gone(sandboxed, 'the browser was terminated')

    def gpu_sandbox(self, browser):
        namespace = procs.namespace(browser.gpu_controller, 'pid')
        return [pid for pid in browser.pids() if procs.namespace(pid, 'pid') == namespace]

    def test_10_gpu_controller_killed(self):
        """Its sub-sandbox goes, and no other, unless the browser has ended by then."""
        with self.open_browser() as browser:
            zygote, = browser.of_kind('zygote')
            gpu = self.gpu_sandbox(browser)
            procs.kill(browser.gpu_controller, signal.SIGKILL)
            self.assert_gone(gpu, 'its controller was killed')
            if not procs.exists(zygote):
                browser.process.wait(2)

    def test_11_gpu_router_killed(self):
        with self.open_browser() as browser:
            programs = browser.of_kind('zygote (unsandboxed)', 'gpu-process')
            self.assertEqual(len(programs), 2)
            procs.kill(browser.gpu_router, signal.SIGKILL)
            self.assert_gone(programs, 'the GPU router was killed')


class EndsHidden(Ends):
    """The same where PIDs are hidden."""

    hidden_pids = True


class BecomesTheBrowser(case.SessionCase):
    """`nestbox run` replaces itself: same pid, exit status and signals."""

    def test_01_pid_stays(self):
        script = 'echo $$; exec nestbox run -- /usr/bin/env sh -c "echo \\$\\$"'
        status, output = self.run_in_app('sh', '-c', script)
        first, second = output.split()
        self.assertEqual((status, first), (0, second))

    def test_02_exit_status_passes(self):
        status, _ = self.run_in_app('nestbox', 'run', '--', '/usr/bin/env', 'sh', '-c', 'exit 7')
        self.assertEqual(status, 7)

    def test_03_signals_pass(self):
        script = 'kill -TERM $$; sleep 5'
        status, _ = self.run_in_app('nestbox', 'run', '--', '/usr/bin/env', 'sh', '-c', script)
        self.assertEqual(status, 128 + signal.SIGTERM)

    def test_04_environment_is_clean(self):
        status, output = self.run_in_app('env', 'NESTBOX_DEBUG=state', 'nestbox', 'run', '--',
                                         '/usr/bin/env')
        self.assertEqual(status, 0)
        names = [line.split('=')[0] for line in output.splitlines()]
        self.assertIn('PATH', names)
        self.assertEqual([name for name in names if name.startswith(('LD_PRE', 'NESTBOX'))], [])

    def test_05_no_child_is_left_to_the_browser(self):
        status, output = self.run_in_app(
            'nestbox', 'run', '--', '/usr/bin/env', 'sh', '-c',
            'read -r children < /proc/$$/task/$$/children; echo "[$children]"')
        # Flatpak's proxy may complain that the broker has gone before it spoke.
        said = [line for line in output.splitlines()
                if line and 'Error writing credentials to socket' not in line]
        self.assertEqual((status, said), (0, ['[]']))

    def test_06_restart_gets_a_sandbox_again(self):
        """A browser that executes itself goes through nestbox, as chrome://restart does."""
        status, output = self.run_in_app(
            'nestbox', 'run', '--file-wall=seccomp', '--',
            '/app/libexec/nestbox-tests/execute-itself',
            '/app/libexec/nestbox-tests/probe-walls')
        self.assertEqual(status, 0, output)
        self.assertIn('second life', output)
        self.assertIn('after /etc/passwd = EACCES', output)


class Terminal(case.SessionCase):
    """The sandbox never gets the terminal that the browser was started from."""

    def test_01_zygote_writes_through_a_pipe(self):
        master, slave = pty.openpty()
        process = self.session.popen(
            self.session.inside(
                ['flatpak', 'run', '--user', '--command=nestbox', case.config.APP_ID, 'run', '--',
                 '/app/libexec/nestbox-tests/launch-like-chromium',
                 '/app/libexec/nestbox-tests/probe-walls', '--type=zygote']),
            'terminal.log', stdout=slave, stderr=slave)
        os.close(slave)
        output = []
        reader = threading.Thread(target=self.read_all, args=(master, output))
        reader.start()
        self.assertEqual(process.wait(20), 0)
        reader.join(5)
        text = b''.join(output).decode()
        os.close(master)
        fds = dict(line.strip().split(' = ') for line in text.splitlines()
                   if line.startswith('fd '))
        self.assertRegex(fds['fd 1'], '^pipe:')
        self.assertRegex(fds['fd 2'], '^pipe:')
        self.assertIn('done', text, 'what it writes still arrives')

    @staticmethod
    def read_all(fd, output):
        try:
            while data := os.read(fd, 65536):
                output.append(data)
        except OSError:
            pass  # EIO: the last writer has closed the terminal


if __name__ == '__main__':
    case.main()

# SPDX-License-Identifier: BSD-3-Clause
"""An unmodified Chromium under test: through nestbox, without a sandbox, or natively."""

import fcntl
import os
import signal
import time

from . import config, procs
from .devtools import DevTools, Tab

CHROMIUM = '/app/chromium/chromium'
# Nothing here touches the sandbox: no first-run pages, no calls home, no keyring.
FLAGS = ['--remote-debugging-pipe', '--no-first-run',
         '--disable-background-networking', '--disable-component-update', '--disable-sync',
         '--disable-default-apps', '--password-store=basic']


HEADLESS = '--headless=new'


def native_command():
    """The same browser with the same libraries, outside Flatpak, free to use namespaces."""
    runtime = config.FLATPAK / 'user/runtime' / config.RUNTIME_ID / config.ARCH / config.BRANCH
    files = runtime / 'active/files'
    return ['bwrap', '--ro-bind', files, '/usr', '--ro-bind', files / 'etc', '/etc',
            '--symlink', 'usr/lib', '/lib', '--symlink', 'usr/lib64', '/lib64',
            '--symlink', 'usr/bin', '/bin', '--ro-bind', config.APP_FILES, '/app',
            '--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--tmpfs', '/run',
            '--setenv', 'HOME', '/tmp', '--setenv', 'LD_LIBRARY_PATH', '/app/lib',
            '--unshare-pid', '--die-with-parent', '--']


def place_devtools_pipes(theirs_in, theirs_out):
    """In the child: the browser's ends have to be descriptors 3 and 4."""
    high_in = fcntl.fcntl(theirs_in, fcntl.F_DUPFD_CLOEXEC, 10)
    high_out = fcntl.fcntl(theirs_out, fcntl.F_DUPFD_CLOEXEC, 10)
    os.dup2(high_in, 3)
    os.dup2(high_out, 4)


class Browser:
    """Use as a context manager. Times are on the monotonic clock.

    `kind`: 'nestbox', 'no-sandbox' (the same app without any sandbox of the browser's) or
    'native' (the browser's own namespace sandbox, outside Flatpak).
    """

    def __init__(self, session, kind='nestbox', options=(), flags=(), log='browser.log',
                 environment=None, wait=True, headless=True):
        self.session, self.kind, self.headless = session, kind, headless
        self.log = session.logs / log
        self.log.unlink(missing_ok=True)
        self.before = set(procs.descendants(os.getpid()))
        theirs_in, to = os.pipe()
        of, theirs_out = os.pipe()
        words = self.command(options, environment or {}) + [CHROMIUM] * (kind == 'native')
        words += self.arguments() + list(flags) + ['about:blank']
        self.started = time.monotonic()
        self.process = session.popen(
            session.inside(words), log, pass_fds=(3, 4),
            preexec_fn=lambda: place_devtools_pipes(theirs_in, theirs_out))
        os.close(theirs_in)
        os.close(theirs_out)
        self.devtools = DevTools(to, of)
        if wait:
            self.wait_ready()

    def wait_ready(self):
        self.version = self.devtools.call('Browser.getVersion')['product']
        self.ready = time.monotonic()

    def command(self, options, environment):
        if self.kind == 'native':
            return native_command()
        words = ['flatpak', 'run', '--user', '--unset-env=DBUS_SYSTEM_BUS_ADDRESS']
        words += [f'--env={key}={value}' for key, value in environment.items()]
        if self.kind == 'no-sandbox':
            return words + [f'--command={CHROMIUM}', config.APP_ID]
        return words + ['--command=nestbox', config.APP_ID, 'run', *options, '--', CHROMIUM]

    def arguments(self):
        return (FLAGS + [HEADLESS] * self.headless
                + ['--no-sandbox'] * (self.kind == 'no-sandbox'))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.quit()
            except AssertionError:
                pass
        self.devtools.close()
        if self.process.poll() is None:
            procs.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def quit(self, timeout=15):
        """Closes the browser the polite way; its exit status."""
        try:
            self.devtools.call('Browser.close')
        except AssertionError:
            pass
        return self.process.wait(timeout)

    def tab(self, url='about:blank', timeout=30):
        return Tab(self.devtools, url, timeout)

    def pids(self):
        return [pid for pid in procs.descendants(os.getpid()) if pid not in self.before
                and procs.exists(pid)]

    def of_kind(self, *kinds):
        """Pids of the browser's own processes of these kinds."""
        return [pid for pid in self.pids() if procs.kind(pid) in kinds]

    def named(self, name):
        return [pid for pid in self.pids() if procs.name(pid) == name[:15]]

    @property
    def pid(self):
        return self.of_kind('browser')[0]

    @property
    def broker(self):
        return self.named('nestbox-broker')[0]

    @property
    def controllers(self):
        return self.named('nestbox-controller')

    @property
    def controller(self):
        """That of the sub-sandbox for pages."""
        zygote, = self.of_kind('zygote')
        return int(procs.stat(zygote)[1])

    @property
    def gpu_controller(self):
        zygote, = self.of_kind('zygote (unsandboxed)')
        return int(procs.stat(zygote)[1])

    @property
    def gpu_router(self):
        return self.named('nestbox-gpu-router')[0]

    @property
    def stand_in(self):
        return self.named('nestbox-chrome-sandbox')[0]

    @property
    def stand_in_processes(self):
        """Of the zygote's children whose PIDs the browser cannot see."""
        helper = str(self.stand_in)
        return [pid for pid in self.named('nestbox-standin') if procs.stat(pid)[1:2] == [helper]]

    def sub_sandbox(self):
        """Every process that lives in the PID namespace of a controller."""
        namespaces = {procs.namespace(pid, 'pid') for pid in self.controllers}
        return [pid for pid in self.pids() if procs.namespace(pid, 'pid') in namespaces]

    def output(self):
        return self.log.read_text(errors='replace')

    def enter(self, *words):
        """Command line of a program in the browser's own instance of the app, beside it."""
        return self.session.inside(['flatpak', 'enter', self.pid, *words])

    def run_beside(self, *words, log='beside.out', timeout=60):
        """(exit status, output) of such a program; flatpak's own status says nothing."""
        script = '"$@"; echo "status $?"'
        path = self.session.logs / log
        path.unlink(missing_ok=True)
        self.session.popen(self.enter('/bin/sh', '-c', script, 'sh', *words),
                           log).wait(timeout)
        output, _, status = path.read_text(errors='replace').rpartition('status ')
        return int(status), output

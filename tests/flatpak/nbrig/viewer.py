# SPDX-License-Identifier: BSD-3-Clause
"""A program with QtWebEngine under test: tests/flatpak/qtwebengine-viewer.py."""

import json
import os
import signal

from . import procs
from .browser import place_devtools_pipes
from .devtools import DevTools
from .qt import APP_ID


def kind(pid):
    """What the process is to QtWebEngine: program, zygote, renderer, …, or None."""
    words = procs.argv(pid)
    type_ = procs.option(words, 'type')
    if os.path.basename(words[0]) == 'python3' and type_ is None:
        return 'program'
    if os.path.basename(words[0]) not in ('QtWebEngineProcess', 'exe') or type_ is None:
        return None
    if type_ == 'zygote':
        return 'zygote (unsandboxed)' if '--no-zygote-sandbox' in words else 'zygote'
    if type_ == 'utility':
        return f"utility:{procs.option(words, 'service-sandbox-type')}"
    return type_


class Viewer:
    """The program under test; use as a context manager.

    `options`: of `nestbox run`, or None for the program without nestbox. `flags`: of
    Chromium.
    """

    def __init__(self, session, generation, options=(), log='viewer.log', flags=(),
                 environment=None):
        self.log = session.logs / log
        self.log.unlink(missing_ok=True)
        self.before = set(procs.descendants(os.getpid()))
        variables = {'QT_QPA_PLATFORM': 'offscreen', 'QT_QUICK_BACKEND': 'software',
                     'QTWEBENGINE_CHROMIUM_FLAGS': ' '.join(['--disable-gpu', *flags]),
                     **(environment or {})}
        through = [] if options is None else ['nestbox', 'run', *options, '--']
        words = [*through, '/usr/bin/python3', '/app/share/qtwebengine-viewer.py', generation]
        theirs_in, to = os.pipe()
        of, theirs_out = os.pipe()
        self.process = session.popen(
            session.inside(['flatpak', 'run', '--user', '--unset-env=DBUS_SYSTEM_BUS_ADDRESS',
                            *(f'--env={key}={value}' for key, value in variables.items()),
                            f'--command={words[0]}', APP_ID, *words[1:]]),
            log, pass_fds=(3, 4), preexec_fn=lambda: place_devtools_pipes(theirs_in, theirs_out))
        os.close(theirs_in)
        os.close(theirs_out)
        self.driver = DevTools(to, of)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None and self.of_kind('program'):
            try:
                self.quit()
            except AssertionError:
                pass
        self.driver.close()
        if self.process.poll() is None:
            procs.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def call(self, method, **parameters):
        return self.driver.call(method, **parameters)

    def quit(self, timeout=15):
        self.call('quit')
        return self.process.wait(timeout)

    def pids(self):
        return [pid for pid in procs.descendants(os.getpid()) if pid not in self.before
                and procs.exists(pid)]

    def of_kind(self, *kinds):
        return [pid for pid in self.pids() if kind(pid) in kinds]

    def named(self, name):
        return [pid for pid in self.pids() if procs.name(pid) == name[:15]]

    @property
    def pid(self):
        return self.of_kind('program')[0]

    @property
    def controller(self):
        return self.named('nestbox-controller')[0]

    @property
    def stand_ins(self):
        """Of children whose PIDs the program cannot see."""
        return self.named('nestbox-standin')

    def sub_sandbox(self):
        """Every process that lives in the PID namespace of the controller."""
        namespace = procs.namespace(self.controller, 'pid')
        return [pid for pid in self.pids() if procs.namespace(pid, 'pid') == namespace]

    def open(self, url):
        """The number of a new page."""
        return self.call('open', url=url)['page']

    def use_page(self, page):
        """What the test page has to say of everything that it uses."""
        self.call('run', page=page, script='usePage().then('
                  'results => console.log(JSON.stringify(results)),'
                  'error => console.log(JSON.stringify(String(error)))); 0')
        event = self.driver.wait_event('console', timeout=60, where=lambda p: p['page'] == page)
        return json.loads(event['text'])

    def output(self):
        return self.log.read_text(errors='replace')

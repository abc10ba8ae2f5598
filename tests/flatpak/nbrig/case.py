# SPDX-License-Identifier: BSD-3-Clause
"""What the real-Flatpak tests share: a session for each class, a web server, fixtures."""

import functools
import http.server
import os
import sys
import threading
import unittest

from tap.runner import TAPTestRunner

from . import app, config, procs
from .browser import Browser
from .session import Session, set_uid_bwrap
from .steps import as_rig_user

GONE_WITHIN_S = 2  # every process of a sub-sandbox, after the browser's end


class SessionCase(unittest.TestCase):
    """One private session for the whole class; nothing may be left of it after a test."""

    session_class = Session
    session_options = {}
    hidden_pids = False  # a set-uid bubblewrap, as on hardened systems

    @classmethod
    def setUpClass(cls):
        options = dict(cls.session_options)
        if cls.hidden_pids:
            options['bwrap'] = set_uid_bwrap()
        cls.session = cls.session_class(**options).__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.session.close()

    def tearDown(self):
        procs.wait_for(lambda: not self.session.leftovers(), 10,
                       'the end of all processes that the test started')
        folders = [path.name for path in self.session.dir.glob('run/nestbox-*')]
        self.assertEqual(folders, [])

    def browser(self, *arguments, **options):
        return Browser(self.session, *arguments, **options)

    def run_in_app(self, *words, options=(), timeout=30, log='app.out'):
        """(exit status, output) of a command in the app."""
        path = self.session.logs / log
        path.unlink(missing_ok=True)
        process = self.session.run(words[1:], command=words[0], log=log, options=options)
        status = process.wait(timeout)
        return status, path.read_text(errors='replace')


class BrowserCase(SessionCase):
    """One browser for the whole class, for tests that leave it as it was."""

    nestbox_options = ()
    browser_kind = 'nestbox'
    browser_flags = ()
    display = None  # a class of nbrig.display: the browser has a window there

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = Server()
        cls.screen = cls.display(cls.session) if cls.display else None
        cls.chrome = cls.start_browser(f'{cls.__name__}.log')

    @classmethod
    def tearDownClass(cls):
        cls.chrome.__exit__(None, None, None)
        if cls.screen:
            cls.screen.close()
        cls.served.close()
        super().tearDownClass()

    @classmethod
    def start_browser(cls, log, kind=None, flags=()):
        """A browser like that of the class, or of another kind."""
        shown = cls.screen.flags if cls.screen else ()
        return Browser(cls.session, kind or cls.browser_kind, options=cls.nestbox_options,
                       headless=not cls.screen, flags=[*shown, *cls.browser_flags, *flags],
                       log=log)

    def tearDown(self):
        pass  # the browser goes on


PAGES = config.SOURCE / 'tests/flatpak/pages'


class Server:
    """A folder on the loopback address: pages for the browser."""

    def __init__(self, folder=PAGES):
        handler = functools.partial(QuietHandler, directory=str(folder))
        self.server = QuietServer(('127.0.0.1', 0), handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, page):
        return f'http://127.0.0.1:{self.server.server_port}/{page}'

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a page that was killed while it loaded something


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def main(prepare=app.up_quietly):
    """Runs the module's tests and prints TAP."""
    as_rig_user()
    os.umask(0o022)
    sys.stdout.reconfigure(line_buffering=True)
    prepare()
    runner = TAPTestRunner()
    runner.set_stream(True)
    runner.set_format('{method_name}')
    unittest.main(module='__main__', testRunner=runner)

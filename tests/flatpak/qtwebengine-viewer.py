# SPDX-License-Identifier: BSD-3-Clause
"""A program with QtWebEngine: viewer.py 5|6. Pages, and no windows.

It is driven like a browser over DevTools pipes: JSON messages, each followed by a NUL,
commands on descriptor 3, replies and events on descriptor 4.

  open {url}           a new page, loaded               -> {page, ok}
  run {page, script}   runs it; a value of JSON         -> {value}
  close {page}         ends the page and its renderer   -> {}
  quit {}                                               -> {}

Events: console {page, text}; terminated {page, status, code}, status as in
QWebEnginePage::RenderProcessTerminationStatus: 1 abnormal, 2 crashed, 3 killed.
"""

import json
import os
import sys

if sys.argv[1] == '5':
    from PyQt5.QtCore import QSocketNotifier, QUrl
    from PyQt5.QtWebEngineWidgets import QWebEnginePage
    from PyQt5.QtWidgets import QApplication
else:
    from PyQt6.QtCore import QSocketNotifier, QUrl
    from PyQt6.QtWebEngineCore import QWebEnginePage
    from PyQt6.QtWidgets import QApplication

COMMANDS, REPLIES = 3, 4


def send(**message):
    data = json.dumps(message).encode() + b'\0'
    while data:
        data = data[os.write(REPLIES, data):]


class Page(QWebEnginePage):
    def __init__(self, number):
        super().__init__()
        self.number = number
        self.renderProcessTerminated.connect(self.on_terminated)

    def on_terminated(self, status, code):
        send(method='terminated', params={'page': self.number, 'code': code,
                                          'status': getattr(status, 'value', status)})

    def javaScriptConsoleMessage(self, _level, text, _line, _source):
        send(method='console', params={'page': self.number, 'text': text})


class Viewer:
    def __init__(self, app):
        self.app, self.pages, self.buffer = app, {}, b''
        type_ = getattr(QSocketNotifier, 'Type', QSocketNotifier)
        self.notifier = QSocketNotifier(COMMANDS, type_.Read)
        self.notifier.activated.connect(self.receive)

    def receive(self):
        data = os.read(COMMANDS, 65536)
        if not data:  # who drives us has ended
            self.app.exit(1)
        *messages, self.buffer = (self.buffer + data).split(b'\0')
        for message in map(json.loads, messages):
            getattr(self, 'do_' + message['method'])(message['id'], **message['params'])

    def do_open(self, id, url):
        page = Page(len(self.pages))
        self.pages[page.number] = page

        def loaded(ok):
            page.loadFinished.disconnect(loaded)
            send(id=id, result={'page': page.number, 'ok': ok})

        page.loadFinished.connect(loaded)
        page.load(QUrl(url))

    def do_run(self, id, page, script):
        self.pages[page].runJavaScript(script, lambda v: send(id=id, result={'value': v}))

    def do_close(self, id, page):
        self.pages[page].deleteLater()
        self.pages[page] = None
        send(id=id, result={})

    def do_quit(self, id):
        send(id=id, result={})
        self.pages.clear()
        self.app.exit(0)


def main():
    app = QApplication(sys.argv[:1] + sys.argv[2:])
    viewer = Viewer(app)
    result = app.exec()
    viewer.pages.clear()
    return result


sys.exit(main())

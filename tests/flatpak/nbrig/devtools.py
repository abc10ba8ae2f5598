# SPDX-License-Identifier: BSD-3-Clause
"""The DevTools protocol over a pair of pipes (--remote-debugging-pipe)."""

import itertools
import json
import os
import select
import time

from .procs import Timeout


class BrowserGone(AssertionError):
    """The browser closed its end of the pipes."""


class DevTools:
    """`to` and `of` are our ends; commands are sent, events are kept until asked for."""

    def __init__(self, to, of):
        self.to, self.of = to, of
        self.numbers = itertools.count(1)
        self.buffer = b''
        self.replies, self.events = {}, []

    def close(self):
        for fd in (self.to, self.of):
            if fd >= 0:
                os.close(fd)
        self.to = self.of = -1

    def receive(self, deadline):
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.of], [], [], left)[0]:
            raise Timeout('the browser did not answer in time')
        data = os.read(self.of, 1 << 20)
        if not data:
            raise BrowserGone('the browser ended')
        *messages, self.buffer = (self.buffer + data).split(b'\0')
        for message in map(json.loads, messages):
            if 'id' in message:
                self.replies[message['id']] = message
            else:
                self.events.append(message)

    def send(self, method, session=None, **parameters):
        number = next(self.numbers)
        message = {'id': number, 'method': method, 'params': parameters}
        if session:
            message['sessionId'] = session
        try:
            os.write(self.to, json.dumps(message).encode() + b'\0')
        except BrokenPipeError as error:
            raise BrowserGone('the browser ended') from error
        return number

    def reply(self, number, timeout=30):
        deadline = time.monotonic() + timeout
        while number not in self.replies:
            self.receive(deadline)
        message = self.replies.pop(number)
        if 'error' in message:
            raise AssertionError(f"DevTools: {message['error']['message']}")
        return message['result']

    def call(self, method, session=None, timeout=30, **parameters):
        return self.reply(self.send(method, session, **parameters), timeout)

    def wait_event(self, method, session=None, timeout=30, where=lambda parameters: True):
        deadline = time.monotonic() + timeout
        while True:
            for index, event in enumerate(self.events):
                if (event['method'] == method and session in (None, event.get('sessionId'))
                        and where(event['params'])):
                    return self.events.pop(index)['params']
            self.receive(deadline)


class Tab:
    """One page target with a session of its own."""

    def __init__(self, devtools, url='about:blank', timeout=30):
        self.devtools = devtools
        self.target = devtools.call('Target.createTarget', url='about:blank')['targetId']
        self.session = devtools.call('Target.attachToTarget', targetId=self.target,
                                     flatten=True)['sessionId']
        devtools.call('Page.enable', self.session, timeout)
        if url != 'about:blank':
            self.go(url)

    def call(self, method, **parameters):
        return self.devtools.call(method, self.session, **parameters)

    def go(self, url):
        self.devtools.events = [event for event in self.devtools.events
                                if event.get('sessionId') != self.session]
        self.call('Page.navigate', url=url)
        self.devtools.wait_event('Page.loadEventFired', self.session)

    def evaluate(self, expression, timeout=30):
        result = self.devtools.call('Runtime.evaluate', self.session, timeout,
                                    expression=expression, returnByValue=True,
                                    awaitPromise=True)
        if 'exceptionDetails' in result:
            raise AssertionError(result['exceptionDetails'])
        return result['result'].get('value')

    def close(self):
        self.devtools.call('Target.closeTarget', targetId=self.target)
        self.devtools.wait_event('Target.detachedFromTarget',
                                 where=lambda p: p['sessionId'] == self.session)
        self.devtools.events = [event for event in self.devtools.events
                                if event.get('sessionId') != self.session]

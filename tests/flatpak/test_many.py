#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Many browsers at once: each has what is its own, and ends alone."""

import fcntl
import os
import pathlib
import re
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, procs  # noqa: E402
from nbrig.browser import Browser  # noqa: E402

BROWSERS = 20
START_WITHIN_S = 60  # all of them, on two cores
FLATPAKS_RACE = r'bwrap: .*/\.flatpak/[0-9]+.*No such file or directory'
NS_GET_PARENT = 0xb702  # ioctl_ns(2)


def parent_namespace(pid):
    """That in which the process's PID namespace lies, as /proc names it."""
    own = os.open(f'/proc/{pid}/ns/pid', os.O_RDONLY)
    try:
        parent = fcntl.ioctl(own, NS_GET_PARENT)
        try:
            return f'pid:[{os.fstat(parent).st_ino}]'
        finally:
            os.close(parent)
    finally:
        os.close(own)


class OneOfMany(Browser):
    """Its processes are those of its own instance of the app; others belong to others."""

    def of_app(self, wanted):
        return [pid for pid in procs.descendants(self.process.pid) if wanted(pid)]

    def named_in_app(self, name):
        return self.of_app(lambda pid: procs.name(pid) == name[:15])

    @property
    def pid(self):
        pid, = self.of_app(lambda pid: procs.kind(pid) == 'browser')
        return pid

    @property
    def broker(self):
        pid, = self.named_in_app('nestbox-broker')
        return pid

    @property
    def helper(self):
        pid, = self.named_in_app('nestbox-chrome-sandbox')
        return pid


class AllAtOnce(case.SessionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browsers = [cls.start(number) for number in range(BROWSERS)]
        for number in range(BROWSERS):
            while cls.lost_flatpaks_race(cls.browsers[number]):
                cls.browsers[number].__exit__()
                cls.browsers[number] = cls.start(number)

    @classmethod
    def start(cls, number):
        return OneOfMany(cls.session, log=f'{cls.__name__}-{number}.log', wait=False,
                         flags=[f'--user-data-dir=/var/data/{number}'])

    @staticmethod
    def lost_flatpaks_race(browser):
        """One `flatpak run` may clear away the folder that another has just made, and not
        yet locked (common/flatpak-instance.c, iterate_all_and_gc): bubblewrap then says so
        and ends, before anything of the app was executed."""
        procs.wait_for(lambda: browser.process.poll() is not None
                       or browser.named_in_app('nestbox-broker'), START_WITHIN_S, 'the app', 0.1)
        return (browser.process.poll() is not None
                and re.search(FLATPAKS_RACE, browser.output()) is not None)

    @classmethod
    def tearDownClass(cls):
        for browser in cls.browsers:
            browser.__exit__()
        super().tearDownClass()

    def tearDown(self):
        pass  # they go on

    def of_kind(self, kind):
        return [pid for pid in self.browsers[0].pids() if procs.kind(pid) == kind]

    def check_page(self, browser, text):
        tab = browser.tab(f'data:text/html,<p>{text}', timeout=START_WITHIN_S)
        self.assertEqual(tab.evaluate('document.body.innerText', START_WITHIN_S), text)
        tab.close()

    def test_01_all_start_and_show_their_own_page(self):
        for browser in self.browsers:
            browser.devtools.call('Browser.getVersion', timeout=START_WITHIN_S)
        for number, browser in enumerate(self.browsers):
            self.check_page(browser, f'page of {number}')
        for browser in self.browsers:
            self.assertNotIn('nestbox: ', browser.output())

    def sockets(self):
        """Of brokers, as their helpers know them."""
        return [procs.environment(browser.helper).get('NESTBOX_BROKER')
                for browser in self.browsers]

    def test_02_each_has_a_broker_with_a_socket_and_a_folder_of_its_own(self):
        brokers = [browser.broker for browser in self.browsers]
        self.assertEqual(len(set(brokers)), BROWSERS)
        places = set()
        for browser, socket in zip(self.browsers, self.sockets()):
            folder = os.stat(f'/proc/{browser.broker}/root{os.path.dirname(socket)}')
            self.assertEqual(folder.st_mode & 0o777, 0o700)
            places.add((folder.st_dev, folder.st_ino))
        self.assertEqual(len(places), BROWSERS)

    def zygotes(self):
        return self.of_kind('zygote')

    def test_03_each_has_a_sub_sandbox_of_its_own(self):
        zygotes = self.zygotes()
        self.assertEqual(len(zygotes), BROWSERS)
        self.assertEqual(len({procs.namespace(pid, 'pid') for pid in zygotes}), BROWSERS)
        self.check_whose(zygotes)

    def check_whose(self, zygotes):
        """Where PIDs are visible, the namespace lies below that of the browser."""
        self.assertEqual({parent_namespace(pid) for pid in zygotes},
                         {procs.namespace(browser.pid, 'pid') for browser in self.browsers})

    def test_04_renderers_are_with_their_own_zygote(self):
        """Three more pages in one browser are three more processes in one sub-sandbox."""
        before = self.by_namespace()
        tabs = [self.browsers[7].tab(f'data:text/html,<p>{number}') for number in range(3)]
        after = self.by_namespace()
        changed = [name for name in after if after[name] != before.get(name)]
        self.assertEqual(len(changed), 1)
        self.assertEqual(set(after), set(before))
        for tab in tabs:
            tab.close()

    def by_namespace(self):
        found = {}
        for pid in self.of_kind('renderer'):
            name = procs.namespace(pid, 'pid')
            found[name] = found.get(name, 0) + 1
        return found

    def test_05_one_killed_leaves_the_others(self):
        victim = self.browsers.pop(3)
        procs.kill(victim.pid, signal.SIGKILL)
        victim.process.wait(10)
        procs.wait_for(lambda: len(self.zygotes()) == BROWSERS - 1, case.GONE_WITHIN_S + 3,
                       'the end of the sub-sandbox of the browser that was killed')
        victim.__exit__()
        for number, browser in enumerate(self.browsers):
            self.check_page(browser, f'still {number}')
        self.assertEqual(len(self.zygotes()), BROWSERS - 1)

    def test_06_one_that_loses_its_broker_leaves_the_others(self):
        victim = self.browsers.pop(3)
        procs.kill(victim.broker, signal.SIGKILL)
        victim.process.wait(20)
        victim.__exit__()
        for number, browser in enumerate(self.browsers):
            self.check_page(browser, f'yet {number}')
        self.assertEqual(len(self.zygotes()), BROWSERS - 2)

    def test_07_all_end_clean(self):
        for browser in self.browsers:
            browser.devtools.send('Browser.close')
        for browser in self.browsers:
            self.assertEqual(browser.process.wait(START_WITHIN_S), 0)
        procs.wait_for(lambda: not self.session.leftovers(), case.GONE_WITHIN_S + 3,
                       'the end of everything')
        self.assertEqual(list(self.session.dir.glob('run/nestbox-*')), [])


class AllAtOnceHidden(AllAtOnce):
    """The same where PIDs are hidden."""

    hidden_pids = True

    def check_whose(self, zygotes):
        """Beside each other, none below a browser's; each has a stand-in in its own app."""
        for browser in self.browsers:
            helper = str(browser.helper)
            self.assertTrue([pid for pid in browser.named_in_app('nestbox-standin')
                             if procs.stat(pid)[1:2] == [helper]])


if __name__ == '__main__':
    case.main()

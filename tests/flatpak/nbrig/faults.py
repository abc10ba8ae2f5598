# SPDX-License-Identifier: BSD-3-Clause
"""The kill matrix: one process is hit, and what comes of it is held against a table."""

import concurrent.futures
import itertools
import multiprocessing
import re
import signal
import time
import traceback

from . import case, config, procs
from .browser import Browser
from .devtools import BrowserGone, Tab
from .session import Session, set_uid_bwrap

TABLE = config.SOURCE / 'tests/flatpak/kill-matrix.table'
SIGNALS = ('KILL', 'TERM', 'STOP')  # STOP: for STOPPED_S, then SIGCONT
MOMENTS = ('starting', 'idle', 'forking')
PIDS = ('visible', 'hidden')
OUTCOMES = ('on', 'page', 'gpu', 'ends', 'either')
STOPPED_S = 5
CONTROLLER = 'nestbox-control'  # as the kernel cuts it off
APPEARS_WITHIN_S = 20  # a victim, while several browsers start
POLL_S = 0.02  # a look at all processes costs a few milliseconds
WORKERS = 5  # most of a stopped browser's time is waiting
TABS_AT_ONCE = 5
# With a spare renderer nobody could tell which page a renderer belongs to.
FLAGS = ('--disable-features=SpareRendererForSitePerProcess',)


# --- the victims ---

def born(pid):
    """When it was started, in ticks; 0: it is gone."""
    return int((procs.stat(pid) + ['0'] * 20)[19])


def parent_name(pid):
    return procs.name((procs.stat(pid) + [0, 0])[1])


def oldest(pids):
    return min(pids, key=born, default=None)


def newest(pids):
    return max(pids, key=born, default=None)


def controllers(browser):
    """Oldest first: that for pages, then the GPU's. Not what they fork to execute."""
    found = browser.named('nestbox-controller')
    return sorted((pid for pid in found if parent_name(pid) != CONTROLLER), key=born)


def nth(found, number):
    return found[number] if len(found) > number else None


def zygote(browser, kind):
    """In a sub-sandbox: the app may have an unsandboxed one, too."""
    return oldest(pid for pid in browser.of_kind(kind)
                  if parent_name(pid) == CONTROLLER)


def first_process(browser):
    controller = nth(controllers(browser), 0)
    return int(procs.stat(controller)[1]) if controller else None


def outer_process(browser):
    """flatpak, and later bubblewrap, on the host: what the portal started first."""
    portal = browser.session.portal_pid()
    return oldest(procs.children(portal)) if portal else None


def stand_in_process(browser):
    helper = oldest(browser.named('nestbox-chrome-sandbox'))
    return newest(pid for pid in browser.named('nestbox-standin')
                  if procs.stat(pid)[1:2] == [str(helper)])


def page_renderer(browser):
    """That of the page that was opened last."""
    return newest(browser.of_kind('renderer'))


def when_the_app_runs(pid_of):
    """Before that it is Flatpak's own start that would suffer."""
    return lambda browser: pid_of(browser) if browser.named('nestbox-broker') else None


VICTIMS = {
    'browser': lambda browser: nth(browser.of_kind('browser'), 0),
    'broker': lambda browser: nth(browser.named('nestbox-broker'), 0),
    'helper': lambda browser: oldest(pid for pid in browser.named('nestbox-chrome-sandbox')
                                     if '--type=zygote' in procs.argv(pid)),
    'controller': lambda browser: nth(controllers(browser), 0),
    'zygote': lambda browser: zygote(browser, 'zygote'),
    'renderer': page_renderer,
    'stand-in': stand_in_process,
    'pid 1': first_process,
    'outer bwrap': outer_process,
    'GPU router': lambda browser: nth(browser.named('nestbox-gpu-router'), 0),
    'GPU process': lambda browser: nth(browser.of_kind('gpu-process'), 0),
    'GPU controller': lambda browser: nth(controllers(browser), 1),
    'GPU zygote': lambda browser: zygote(browser, 'zygote (unsandboxed)'),
    'dbus-proxy': when_the_app_runs(lambda browser: oldest(browser.named('xdg-dbus-proxy'))),
    'portal': lambda browser: browser.session.portal_pid(),
    'session bus': when_the_app_runs(lambda browser: browser.session.bus.pid),
}


# --- the table ---

class Expectation:
    """What is documented of some cells."""

    def __init__(self, outcome, within, says, why):
        assert outcome in OUTCOMES and why, (outcome, why)
        self.outcome, self.within, self.why = outcome, float(within), why
        self.says = '' if says == '-' else says


def words_match(pattern, word):
    return pattern == '*' or word in pattern.split(',')


def expected():
    """{(victim, signal, moment, pids): Expectation} of the table, where its format is
    described. The first line that fits a cell is its own; a line that fits none is an error."""
    cells, lines = {}, []
    for line in TABLE.read_text().splitlines():
        if line.strip() and not line.startswith('#'):
            lines.append([field.strip() for field in line.split(' | ')])
    assert lines.pop(0)[0] == 'victim'
    used = set()
    for cell in itertools.product(VICTIMS, SIGNALS, MOMENTS, PIDS):
        if cell[0] == 'stand-in' and cell[3] == 'visible':
            continue  # there are none
        number = next((number for number, line in enumerate(lines) if all(
            words_match(pattern, word) for pattern, word in zip(line, cell))), None)
        assert number is not None, f'no line for {cell}'
        used.add(number)
        cells[cell] = Expectation(*lines[number][4:])
    unused = [' | '.join(line) for number, line in enumerate(lines) if number not in used]
    assert not unused, f'no cell for {unused}'
    return cells


# --- one cell ---

class Red(AssertionError):
    """Not what is documented."""


class Run:
    """A browser of its own in a session of its own, one victim, one signal."""

    def __init__(self, session, cell, expectation, log):
        self.session, self.expectation = session, expectation
        self.victim, self.signal, self.moment, _ = cell
        self.before = leftovers(session)
        self.browser = Browser(session, log=log, wait=False, flags=FLAGS)
        self.tabs, self.lost = [], set()

    # -- before

    def find(self):
        return procs.wait_for(lambda: VICTIMS[self.victim](self.browser), APPEARS_WITHIN_S,
                              f'{self.victim} to appear', POLL_S)

    def strike(self):
        victim = self.find()
        if self.signal != 'STOP':
            procs.kill(victim, getattr(signal, f'SIG{self.signal}'))
        else:
            procs.kill(victim, signal.SIGSTOP)
            time.sleep(STOPPED_S)  # the fault itself
            procs.kill(victim, signal.SIGCONT)
        self.struck = time.monotonic()

    def begin(self):
        """Up to the blow. While tabs are forked nobody waits for their answers."""
        if self.moment == 'starting':
            self.strike()
            return
        self.browser.wait_ready()
        self.browser.devtools.call('Target.setDiscoverTargets', discover=True)
        self.gpu = self.browser.of_kind('gpu-process')
        self.tabs.append(self.browser.tab('data:text/html,<p>first'))
        if self.moment == 'forking':
            self.asked = [self.browser.devtools.send('Target.createTarget', url='about:blank')
                          for _ in range(TABS_AT_ONCE)]
            self.came = self.browser.devtools.reply(self.asked.pop(0))['targetId']
        self.strike()

    # -- after

    def left(self):
        seconds = self.struck + self.expectation.within - time.monotonic()
        if seconds <= 0:
            raise Red(f'not within {self.expectation.within:g} s')
        return seconds

    def note_lost(self):
        for event in self.browser.devtools.events:
            if event['method'] == 'Target.targetCrashed':
                self.lost.add(event['params']['targetId'])

    def adopt(self, target):
        """A tab that was asked for when the blow came."""
        tab = object.__new__(Tab)
        tab.devtools, tab.target = self.browser.devtools, target
        tab.session = tab.devtools.call('Target.attachToTarget', timeout=self.left(),
                                        targetId=target, flatten=True)['sessionId']
        return tab

    def is_alive(self, tab):
        """False: its renderer is lost."""
        number = tab.devtools.send('Runtime.evaluate', tab.session, expression='6 * 7')
        while number not in tab.devtools.replies:
            self.note_lost()
            if tab.target in self.lost:
                return False
            tab.devtools.receive(time.monotonic() + self.left())
        reply = tab.devtools.replies.pop(number)
        return reply.get('result', {}).get('result', {}).get('value') == 42

    def new_tab(self):
        """One that shows its page. A renderer that was hit while it was new may be the
        next tab's: the browser notices when it is used, and the tab after that is good."""
        while True:
            target = self.browser.devtools.call('Target.createTarget', timeout=self.left(),
                                                url='data:text/html,<p>new')['targetId']
            if self.is_alive(self.adopt(target)):
                return

    def goes_on(self):
        """How many of the pages were lost, where the browser goes on."""
        if self.moment == 'starting':
            self.browser.devtools.call('Browser.getVersion', timeout=self.left())
            self.browser.devtools.call('Target.setDiscoverTargets', timeout=self.left(),
                                       discover=True)
        elif self.moment == 'forking':
            targets = [self.browser.devtools.reply(number, self.left())['targetId']
                       for number in self.asked]
            self.tabs += [self.adopt(target) for target in [self.came, *targets]]
        dead = [tab for tab in self.tabs if not self.is_alive(tab)]
        self.new_tab()
        self.note_lost()
        return len(dead)

    def check_goes_on(self):
        lost = self.goes_on()
        if self.expectation.outcome in ('on', 'either') and lost:
            raise Red(f'{lost} of {len(self.tabs)} pages lost')
        if self.expectation.outcome == 'page' and lost > 1:
            raise Red(f'{lost} pages lost')
        if self.expectation.outcome == 'page' and self.moment == 'idle' and lost == 0:
            raise Red('the page did not notice')
        if self.expectation.outcome == 'gpu':
            self.wait_new_gpu()
        took = time.monotonic() - self.struck
        if self.browser.quit() != 0:
            raise Red(f'exit status {self.browser.process.returncode} when asked to quit')
        return took

    def wait_new_gpu(self):
        procs.wait_for(lambda: self.browser.of_kind('gpu-process') not in ([], self.gpu_before()),
                       self.left(), 'a new GPU process', POLL_S)

    def gpu_before(self):
        return self.gpu if self.moment != 'starting' else []

    def check_ends(self):
        process = self.browser.process
        try:
            procs.wait_for(lambda: process.poll() is not None, self.left(), 'the end')
        except procs.Timeout as timeout:
            raise Red('the browser lingers') from timeout
        return time.monotonic() - self.struck

    def check_either(self):
        """It goes on as if nothing had been, or it ends and says why: what is not allowed is
        neither."""
        try:
            took = self.check_goes_on()
            self.outcome = 'on'
        except BrowserGone:
            took = self.check_ends()
            self.outcome = 'ends'
        return took

    def check_output(self):
        output = f'{self.browser.output()}exit status {self.browser.process.returncode}\n'
        said = [line for line in output.splitlines() if line.startswith('nestbox: ')]
        silent = self.outcome != 'ends' or not self.expectation.says
        if not silent and not re.search(self.expectation.says, output):
            raise Red(f'does not say "{self.expectation.says}", but:\n{output[-2000:]}')
        if silent and said:
            raise Red(f'says: {said[0]}')

    def check_gone(self):
        try:
            procs.wait_for(lambda: not self.remains(), case.GONE_WITHIN_S + 1,
                           'the end of all', POLL_S)
        except procs.Timeout as timeout:
            raise Red(f'left: {", ".join(sorted(self.remains()))}') from timeout

    def remains(self):
        return leftovers(self.session) - self.before

    def go(self):
        """Seconds from the blow, or from its end, to the documented outcome."""
        self.begin()
        self.outcome = self.expectation.outcome
        if self.outcome == 'ends':
            took = self.check_ends()
        elif self.outcome == 'either':
            took = self.check_either()
        else:
            took = self.check_goes_on()
        self.browser.__exit__()
        self.check_gone()
        self.check_output()
        return took


def leftovers(session):
    """Processes, files, mounts and sockets that are nobody's but ours, as words."""
    found = {f'process {procs.name(pid)}' for pid in session.leftovers()}
    found |= {f'folder {path.name}' for path in session.dir.glob('run/nestbox-*')}
    found |= {f'mount {line.split()[4]}' for line in procs.read('self', 'mountinfo').splitlines()}
    found |= {f'socket {line.split()[-1]}' for line in procs.read('self', 'net/unix').splitlines()
              if 'nestbox-' in line and str(session.dir) in line}
    return found


def run_cell(cell, expectation):
    """(cell, outcome and seconds, or None; what is wrong, or '')"""
    log = f'fault-{"-".join(cell)}.log'.replace(' ', '_')
    bwrap = set_uid_bwrap() if cell[3] == 'hidden' else None
    try:
        with Session(bwrap=bwrap) as session:
            run = Run(session, cell, expectation, log)
            try:
                seconds = run.go()
                return cell, f'{run.outcome} {seconds:.1f} s', ''
            except BrowserGone as gone:
                raise Red('the browser ended') from gone
            finally:
                run.browser.__exit__()
    except (Red, procs.Timeout) as red:
        return cell, None, str(red)
    except Exception:  # pylint: disable=broad-except
        return cell, None, traceback.format_exc().splitlines()[-1]


def run_all(cells, told=lambda result: None):
    """{cell: (outcome and seconds, what is wrong)}. Each in a process of its own: what is
    orphaned there is orphaned to it."""
    order = sorted(cells, key=lambda cell: cell[1] != 'STOP')
    order = [cell for pair in itertools.zip_longest(
        *(order[start::WORKERS] for start in range(WORKERS))) for cell in pair if cell]
    context = multiprocessing.get_context('fork')
    results = {}
    with concurrent.futures.ProcessPoolExecutor(WORKERS, mp_context=context) as pool:
        waiting = [pool.submit(run_cell, cell, cells[cell]) for cell in order]
        for future in concurrent.futures.as_completed(waiting):
            cell, *result = future.result()
            results[cell] = tuple(result)
            told((cell, *result))
    return results


# --- for people ---

def render(cells, results):
    """What was measured: outcome and seconds in each place."""
    columns = list(itertools.product(PIDS, MOMENTS))
    columns = [column for column in columns
               if any((cell[3], cell[2]) == column for cell in results)]
    lines = [f'{"victim":15} {"signal":6} ' + ' '.join(
        f'{f"{moment}, {pids}":>17}' for pids, moment in columns)]
    for victim, signum in itertools.product(VICTIMS, SIGNALS):
        row = []
        for pids, moment in columns:
            cell = (victim, signum, moment, pids)
            if cell not in results:
                row.append('')
                continue
            outcome, wrong = results[cell]
            row.append('RED' if wrong else outcome)
        if any(row):
            lines.append(f'{victim:15} {signum:6} '
                         + ' '.join(f'{text:>17}' for text in row))
    wrong = {cell: result[1] for cell, result in results.items() if result[1]}
    lines += [f'RED {", ".join(cell)}: {text.splitlines()[0]}'
              for cell, text in sorted(wrong.items())]
    lines.append(f'{len(results) - len(wrong)} of {len(results)} green')
    return '\n'.join(lines) + '\n'

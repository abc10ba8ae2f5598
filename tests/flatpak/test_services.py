#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The network and the audio service in sub-sandboxes of their own: what works, what breaks."""

import base64
import contextlib
import hashlib
import http.server
import json
import os
import pathlib
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, procs  # noqa: E402

NESTBOX = '/app/bin/nestbox'
NETWORK, AUDIO = 'network.mojom.NetworkService', 'audio.mojom.AudioService'
WEBSOCKET_KEY = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'  # RFC 6455
# A data channel between two ends in one page: UDP over the loopback.
LOOPBACK = '''(async () => {
  const a = new RTCPeerConnection (), b = new RTCPeerConnection ();
  a.onicecandidate = event => event.candidate && b.addIceCandidate (event.candidate);
  b.onicecandidate = event => event.candidate && a.addIceCandidate (event.candidate);
  const channel = a.createDataChannel ('x');
  const received = new Promise (resolve => b.ondatachannel = event =>
    event.channel.onmessage = message => resolve (message.data));
  channel.onopen = () => channel.send ('over the loopback');
  await a.setLocalDescription (await a.createOffer ());
  await b.setRemoteDescription (a.localDescription);
  await b.setLocalDescription (await b.createAnswer ());
  await a.setRemoteDescription (b.localDescription);
  return received; }) ()'''
TONE = '''(async () => {
  const context = new AudioContext (), tone = context.createOscillator ();
  tone.connect (context.destination); tone.start (); await context.resume ();
  window.kept = [context, tone]; return context.state; }) ()'''


class Handler(http.server.BaseHTTPRequestHandler):
    """A site that sets a cookie, may be cached, and counts how often it was asked."""

    protocol_version = 'HTTP/1.1'

    def log_message(self, *_):
        pass

    def answer(self, text, **headers):
        self.send_response(200)
        for name, value in {'Content_Type': 'text/html', 'Content_Length': str(len(text)),
                            **headers}.items():
            self.send_header(name.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        self.answer(str(len(self.rfile.read(int(self.headers['Content-Length'])))))

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == '/socket':
            key = hashlib.sha1((self.headers['Sec-WebSocket-Key'] + WEBSOCKET_KEY).encode())
            accept = base64.b64encode(key.digest()).decode()
            self.wfile.write(b'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
                             b'Connection: Upgrade\r\nSec-WebSocket-Accept: '
                             + accept.encode() + b'\r\n\r\n\x81\x05hello')
            self.rfile.read(1)  # until the page closes it
            self.close_connection = True
        elif self.path == '/cookies':
            self.answer(self.headers.get('Cookie', ''))
        elif self.path == '/cached':
            self.answer('cached', Cache_Control='max-age=86400')
        elif self.path == '/download':
            self.answer('x' * 100000, Content_Disposition='attachment; filename=saved.bin')
        else:
            self.answer('<title>site</title>', Set_Cookie='taste=sweet; Max-Age=86400')


class Site:
    def __init__(self):
        self.server = case.QuietServer(('127.0.0.1', 0), Handler)
        self.server.asked = []
        self.url = f'http://127.0.0.1:{self.server.server_port}'
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def times(self, path):
        return self.server.asked.count(path)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class ServiceCase(case.SessionCase):
    service, role = NETWORK, 'network'
    flags = ()

    def setUp(self):
        self.site = Site()
        self.addCleanup(self.site.close)

    def start(self, *options):
        return self.browser(options=options, log=f'{type(self).__name__}.log',
                            flags=[*self.flags, '--user-data-dir=/var/data/services'])

    def service_pid(self, chrome, other_than=None):
        """The service itself, not what stands in for it."""
        word = f'--utility-sub-type={self.service}'

        def find():
            return [pid for pid in chrome.pids() if word in procs.argv(pid)
                    and procs.name(pid) == 'chromium' and pid != other_than]

        procs.wait_for(find, 10, self.service)
        return find()[0]

    def reaches(self, chrome, pid):
        """What the service has of what the app has."""
        root = pathlib.Path(f'/proc/{pid}/root')
        home = root / self.session.environment['HOME'].lstrip('/')
        shared = {name for name in ('pid', 'net', 'mnt', 'ipc')
                  if procs.namespace(pid, name) == procs.namespace(chrome.pid, name)}
        files = {'home': home / '.var/app' / config.APP_ID, 'bus': root / 'run/flatpak/bus',
                 'sound': root / 'run/flatpak/pulse/native'}
        return shared | {name for name, path in files.items() if path.exists()}

    def check_told(self, chrome, places):
        """nestbox ps tells where it is; what nestbox audit says of it, if it can be seen."""
        status, output = chrome.run_beside(NESTBOX, 'ps', '--json')
        self.assertEqual(status, 0)
        browser, = json.loads(output)['browsers']
        self.assertEqual([place.get('profile', place['place']) for place in browser['places']
                          if self.role in [child['kind'] for child in place['children']]],
                         places)
        _, output = chrome.run_beside(NESTBOX, 'audit', '--json', '--all')
        return [child for child in json.loads(output)['children']
                if child['role'] == self.role]


class NetworkCase(ServiceCase):
    """What the tests of the network service share."""

    def use(self, chrome):
        """All that a page does with the network; (a tab of the site, what came of it)."""
        tab = chrome.tab(f'{self.site.url}/')
        url = self.site.url.replace('http', 'ws')
        found = {
            'page': tab.evaluate('document.title'),
            'cookie': tab.evaluate("fetch('/cookies').then(r => r.text())"),
            'upload': tab.evaluate("fetch('/up', {method: 'POST', body: 'y'.repeat(300000)})"
                                   '.then(r => r.text())'),
            'socket': tab.evaluate(f"""new Promise (resolve => {{
                const socket = new WebSocket ('{url}/socket');
                socket.onmessage = message => {{ socket.close (); resolve (message.data); }};
                socket.onerror = () => resolve ('error'); }})"""),
            'loopback': tab.evaluate(LOOPBACK)}
        for _ in range(2):
            tab.evaluate("fetch('/cached').then(r => r.text())")
        tab.evaluate("localStorage.kept = 'yes'")
        return tab, found

    def download(self, chrome, tab):
        chrome.devtools.call('Browser.setDownloadBehavior', behavior='allow',
                             downloadPath='/var/data/saved', eventsEnabled=True)
        tab.evaluate("location.href = '/download'; 1")
        chrome.devtools.wait_event('Browser.downloadProgress',
                                   where=lambda event: event['state'] == 'completed')
        saved, = self.session.dir.glob('home/.var/app/*/data/saved/*')
        return saved.stat().st_size

    def check_works(self, chrome):
        tab, found = self.use(chrome)
        self.assertEqual(found, {'page': 'site', 'cookie': 'taste=sweet', 'upload': '300000',
                                 'socket': 'hello', 'loopback': 'over the loopback'})
        self.assertEqual(self.site.times('/cached'), 1)
        self.assertEqual(self.download(chrome, tab), 100000)
        tab.close()

    def check_resolver(self, pid):
        """Names are found as on the host."""
        for name in ('resolv.conf', 'hosts'):
            link = os.readlink(f'/proc/{pid}/root/etc/{name}')
            # A system need not have a list of hosts.
            texts = [path.read_text() if path.exists() else None for path in
                     (pathlib.Path(f'/proc/{pid}/root{link}'), pathlib.Path('/etc', name))]
            self.assertEqual(texts[0], texts[1])

    def kept(self, option):
        """What of a first run a second one has."""
        with self.start(option) as chrome:
            tab, _ = self.use(chrome)
            tab.close()
            chrome.quit()
        with self.start(option) as chrome:
            tab = chrome.tab()
            tab.go(f'{self.site.url}/cookies')
            cookie = tab.evaluate('document.body.innerText')
            tab.evaluate("fetch('/cached').then(r => r.text())")
            stored = tab.evaluate('localStorage.kept')
            chrome.quit()
        return {'cookies': cookie == 'taste=sweet', 'cache': self.site.times('/cached') == 1,
                'localStorage': stored == 'yes'}


class Network(NetworkCase):
    """With the app's network, and without its files."""

    def test_01_works_with_the_network_and_nothing_else(self):
        with self.start('--network=sandbox') as chrome:
            self.check_works(chrome)
            pid = self.service_pid(chrome)
            self.assertEqual(self.reaches(chrome, pid), {'net'})
            self.assertEqual(procs.status(pid)['Seccomp_filters'], '3')
            self.check_resolver(pid)
            for child in self.check_told(chrome, ['network']):
                self.assertNotEqual(child['verdict'], 'bad', child)

    def test_02_started_anew_in_its_sub_sandbox(self):
        with self.start('--network=sandbox') as chrome:
            pid = self.service_pid(chrome)
            procs.kill(pid, 9)
            pid = self.service_pid(chrome, other_than=pid)
            self.assertEqual(self.reaches(chrome, pid), {'net'})
            tab = chrome.tab(f'{self.site.url}/')
            self.assertEqual(tab.evaluate('document.title'), 'site')

    def test_03_cookies_and_cache_end_with_the_browser(self):
        self.assertEqual(self.kept('--network=sandbox'),
                         {'cookies': False, 'cache': False, 'localStorage': True})


class NetworkHidden(Network):
    hidden_pids = True


class NetworkInTheApp(NetworkCase):
    """The counter-proof: the default."""

    def test_01_works_with_all_that_the_app_has(self):
        with self.start() as chrome:
            self.check_works(chrome)
            self.assertLessEqual({'net', 'pid', 'mnt', 'ipc', 'home', 'bus'},
                                 self.reaches(chrome, self.service_pid(chrome)))
            child, = self.check_told(chrome, ['app'])
            self.assertEqual(child['properties']['home']['verdict'], 'fact')

    def test_02_cookies_and_cache_are_kept(self):
        self.assertEqual(self.kept('--network=app'),
                         {'cookies': True, 'cache': True, 'localStorage': True})


class AudioCase(ServiceCase):
    """What the tests of the audio service share."""

    service, role = AUDIO, 'audio'
    flags = ('--autoplay-policy=no-user-gesture-required',)

    @contextlib.contextmanager
    def sound_server(self):
        server = self.session.popen(self.session.inside(
            ['pulseaudio', '-n', '--daemonize=no', '--exit-idle-time=-1',
             '--use-pid-file=no', '-L', 'module-null-sink',
             '-L', 'module-native-protocol-unix auth-anonymous=1']), 'pulseaudio.log')
        try:
            procs.wait_for(lambda: list(self.session.dir.glob('run/pulse/native')), 10,
                           'the sound server')
            yield
        finally:
            procs.kill(server.pid, 9)
            server.wait(10)

    def hear(self):
        """Half a second of what the sound server plays: is it more than silence?"""
        path = self.session.logs / 'heard.raw'
        with path.open('wb') as output:
            recorder = self.session.popen(
                self.session.inside(['parec', '--raw', '--format=s16le', '--latency-msec=50']),
                'parec.log', stdout=output)
            procs.wait_for(lambda: path.stat().st_size > 80000, 10, 'a recording')
            procs.kill(recorder.pid, 9)
            recorder.wait(10)
        return any(path.read_bytes())

    def plays(self, *options):
        """What the service reaches while a tone is heard."""
        with self.sound_server():
            self.assertFalse(self.hear())
            with self.start(*options) as chrome:
                tab = chrome.tab(f'{self.site.url}/')
                self.assertEqual(tab.evaluate(TONE), 'running')
                procs.wait_for(self.hear, 10, 'the tone')
                found = self.reaches(chrome, self.service_pid(chrome))
                children = self.check_told(chrome, ['audio' if options else 'app'])
        return found, children


class Audio(AudioCase):
    """With the sound server, and without the network and the app's files."""

    def test_01_heard_with_the_sound_server_and_nothing_else(self):
        found, children = self.plays('--audio=sandbox')
        self.assertEqual(found, {'sound'})
        for child in children:
            self.assertNotEqual(child['verdict'], 'bad', child)


class AudioInTheApp(AudioCase):
    """The counter-proof: the default."""

    def test_01_heard_with_all_that_the_app_has(self):
        found, _ = self.plays()
        self.assertLessEqual({'net', 'pid', 'mnt', 'ipc', 'home', 'bus', 'sound'}, found)


class AudioHidden(Audio):
    hidden_pids = True


if __name__ == '__main__':
    case.main()

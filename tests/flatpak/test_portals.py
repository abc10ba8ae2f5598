#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""An app that has no file of the user's: its file chooser is the desktop's portal, and what is
chosen comes through the document portal, to the browser and not to pages."""

import configparser
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, display, portals, procs  # noqa: E402
from nbrig.browser import Browser  # noqa: E402

WORDS = 'words that the user has for herself'


class ExampleApp(case.unittest.TestCase):
    def test_01_desktop_is_told_of_it(self):
        share = config.APP_FILES.parent / 'export/share'
        entry = configparser.ConfigParser(interpolation=None)
        entry.read(share / f'applications/{config.APP_ID}.desktop')
        self.assertIn(f'flatpak run --branch={config.BRANCH} --arch={config.ARCH} '
                      f'--command=chromium-nestbox', entry['Desktop Entry']['Exec'])
        self.assertEqual(entry['Desktop Entry']['Icon'], config.APP_ID)
        icon = share / f'icons/hicolor/128x128/apps/{config.APP_ID}.png'
        self.assertEqual(icon.read_bytes()[:4], b'\x89PNG')

    def test_02_its_description_is_valid(self):
        """Which flatpak-builder before 1.3 renames."""
        file, = (config.APP_FILES / 'share').glob(f'*/{config.APP_ID}.*.xml')
        done = subprocess.run(['appstreamcli', 'validate', '--no-net', '--no-color', file],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)


def has_fuse():
    """The document portal is a FUSE file system; containers often have no device for it."""
    try:
        os.close(os.open('/dev/fuse', os.O_RDWR | os.O_CLOEXEC))
    except OSError:
        return os.geteuid() != 0 and os.path.exists('/dev/fuse')  # fusermount3 is set-uid
    return True


@case.unittest.skipUnless(has_fuse(), 'no /dev/fuse: the document portal cannot be mounted')
class FileChooser(case.SessionCase):
    """One browser with a window, in a session with portals; a file lies in the home."""

    session_class = portals.PortalSession

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = case.Server()
        cls.folder = cls.session.dir / 'home/Documents'
        cls.folder.mkdir()
        cls.file = cls.folder / 'secret.txt'
        cls.file.write_text(WORDS)
        (cls.folder / 'beside.txt').write_text('not chosen')
        cls.screen = display.XServer(cls.session)
        cls.chrome = Browser(cls.session, headless=False, log=f'{cls.__name__}.log',
                             flags=[*cls.screen.flags, '--window-size=700,500'])
        cls.tab = cls.chrome.tab(cls.served.url('files.html'))

    @classmethod
    def tearDownClass(cls):
        cls.chrome.__exit__(None, None, None)
        cls.screen.close()
        cls.served.close()
        super().tearDownClass()
        left = [line for line in pathlib.Path('/proc/mounts').read_text().splitlines()
                if str(cls.session.dir) in line]
        assert not left, left

    def tearDown(self):
        pass  # the browser goes on

    def click(self, element):
        """As a user does: a script may open no dialog."""
        x, y = self.tab.evaluate(f'(box => [box.x + box.width / 2, box.y + box.height / 2])'
                                 f'(document.getElementById("{element}").getBoundingClientRect())')
        for kind in ('mousePressed', 'mouseReleased'):
            self.tab.call('Input.dispatchMouseEvent', type=kind, x=x, y=y, button='left',
                          clickCount=1)

    def outcome(self, element, *paths):
        """What the page has of a dialog at which the user chooses these paths, or none."""
        self.session.will_choose(*paths)
        self.tab.evaluate('expectDialog()')
        self.click(element)
        return self.tab.evaluate('outcome')

    def documents(self, pid):
        """Where the app's documents are for a process."""
        return pathlib.Path(f'/proc/{pid}/root/run/flatpak/doc')

    def test_01_app_has_no_file_permission(self):
        status, output = self.session.call(
            ['flatpak', '--user', 'info', '--show-metadata', config.APP_ID], 'metadata.log')
        self.assertEqual(status, 0, output)
        metadata = configparser.ConfigParser(strict=False)
        metadata.read_string(output)
        self.assertIn('sockets', metadata['Context'])
        self.assertNotIn('filesystems', metadata['Context'])

    def test_02_file_is_out_of_the_apps_reach(self):
        """With a permission for it, it is not."""
        status, output = self.run_in_app('cat', str(self.file))
        self.assertNotEqual(status, 0)
        self.assertIn('No such file', output)
        status, output = self.run_in_app('cat', str(self.file),
                                         options=[f'--filesystem={self.file}:ro'])
        self.assertEqual((status, output), (0, WORDS))

    def test_03_page_reads_the_file_that_was_chosen(self):
        self.assertEqual(self.outcome('open', self.file), f'secret.txt: {WORDS}')

    def test_04_portal_knew_who_asked(self):
        asked = self.session.asked()[-1]
        self.assertEqual((asked['method'], asked['app']), ('OpenFile', config.APP_ID))
        self.assertRegex(asked['parent'], '^x11:(0x)?[0-9a-f]+$', 'a dialog of the window')

    def test_05_it_came_as_a_document(self):
        listed = self.session.ask_documents('List', config.APP_ID)
        name, = re.findall(rf"'(\w+)': b'{re.escape(str(self.file))}'", listed)
        document = self.documents(self.chrome.pid) / name / self.file.name
        self.assertEqual(document.read_text(), WORDS)
        self.assertEqual(list(document.parent.iterdir()), [document], 'and nothing beside it')

    def test_06_pages_have_no_documents(self):
        """Browser and app have them; nothing in a sub-sandbox does."""
        self.assertTrue(list(self.documents(self.chrome.pid).iterdir()))
        inside = self.chrome.sub_sandbox()
        self.assertTrue([pid for pid in inside if procs.kind(pid) == 'renderer'])
        for pid in self.chrome.controllers:
            self.assertTrue(pathlib.Path(f'/proc/{pid}/root/app/bin/nestbox').exists())
            self.assertFalse(self.documents(pid).exists(), procs.argv(pid))
            self.assertNotIn('fuse', procs.read(pid, 'mounts'))
        status, output = self.chrome.run_beside('/app/bin/nestbox', 'audit', '--all')
        self.assertIn(status, (0, 3), output)
        self.assertNotIn('BAD', output)

    def test_07_dialog_that_is_closed_gives_nothing(self):
        self.assertEqual(self.outcome('open'), 'cancelled')

    def test_08_page_writes_the_file_that_was_named(self):
        path = self.folder / 'page.txt'
        self.assertEqual(self.outcome('save', path), 'saved as page.txt')
        self.assertEqual(path.read_text(), 'written by the page')
        asked = self.session.asked()[-1]
        self.assertEqual((asked['method'], asked['name']), ('SaveFile', 'page.txt'))

    def test_09_nothing_was_complained_of(self):
        self.assertNotIn('nestbox: ', self.chrome.output())


class FileChooserHidden(FileChooser):
    """The same where PIDs are hidden."""

    hidden_pids = True


if __name__ == '__main__':
    case.main()

#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""nestbox as a packager has it: a base app, an app on it, its debug symbols, and a signed
repository that others install from."""

import pathlib
import re
import shutil
import subprocess
import sys

from PIL import Image

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from nbrig import case, config, packages, repository  # noqa: E402
from nbrig.session import Session  # noqa: E402
from nbrig.steps import StepFailed  # noqa: E402

APPS = config.FLATPAK / 'user/app'
BASE, VIEWER = (APPS / name / config.ARCH / config.BRANCH / 'active' for name in packages.IDS)
PROGRAMS = ('bin/nestbox', 'libexec/nestbox/nestbox-controller',
            'libexec/nestbox/nestbox-chrome-sandbox', 'libexec/nestbox/nestbox-gpu-router',
            'lib/nestbox/libnestbox-host.so', 'lib/nestbox/libnestbox-zygote.so',
            'lib/libnestbox.so.0')


def output_of(*argv):
    return subprocess.run([str(word) for word in argv], check=True, capture_output=True,
                          text=True).stdout


class ViewerCase(case.SessionCase):
    app_id = packages.VIEWER_ID

    def run_viewer(self, command, *words):
        path = self.session.logs / 'packages.out'
        path.unlink(missing_ok=True)
        process = self.session.run(words, command=command, log=path.name, app=self.app_id)
        return process.wait(30), path.read_text(errors='replace')

    def assert_it_shows_a_picture(self):
        """Decoded in a sub-sandbox, with every layer that there is."""
        data = self.session.dir / f'home/.var/app/{self.app_id}/data'
        data.mkdir(parents=True, exist_ok=True)
        Image.effect_noise((40, 30), 90).save(data / 'grey.png')
        status, output = self.run_viewer('example-viewer', f'--out={data}',
                                         str(data / 'grey.png'))
        self.assertEqual(status, 0, output)
        self.assertIn('layers 0x1f', output)
        with Image.open(data / 'grey.png') as meant, Image.open(data / 'grey.png.ppm') as shown:
            self.assertEqual(meant.convert('RGB').tobytes(), shown.tobytes())


class BaseApp(ViewerCase):
    def test_01_app_on_it_has_its_files(self):
        self.assertIn('\nbase=app/org.nestbox.BaseApp/', (VIEWER / 'metadata').read_text())
        for name in PROGRAMS:
            self.assertEqual((BASE / 'files' / name).read_bytes(),
                             (VIEWER / 'files' / name).read_bytes(), name)

    def test_02_nestbox_is_in_it_and_sandboxes(self):
        status, output = self.run_viewer('nestbox', '--version')
        self.assertEqual(status, 0, output)
        self.assertRegex(output, r'^nestbox \d')
        self.assert_it_shows_a_picture()

    def test_03_what_only_builds_need_is_in_the_base_alone(self):
        for name in ('include/nestbox.h', 'lib/pkgconfig/nestbox.pc', 'lib/libnestbox.a'):
            self.assertTrue((BASE / 'files' / name).exists(), name)
            self.assertFalse((VIEWER / 'files' / name).exists(), name)


class DebugSymbols(case.unittest.TestCase):
    """The extension is laid out as the repository has it; flatpak mounts it at /app/lib/debug."""

    @classmethod
    def setUpClass(cls):
        cls.dir = config.session_dir()
        output_of('ostree', f'--repo={config.REPO}', 'checkout', '--user-mode', '--subpath=/files',
                  f'runtime/{packages.BASE_ID}.Debug/{config.ARCH}/{config.BRANCH}',
                  cls.dir / 'debug')

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.dir)

    def test_01_programs_are_stripped(self):
        for name in PROGRAMS:
            sections = output_of('readelf', '--wide', '--sections', BASE / 'files' / name)
            self.assertNotRegex(sections, r'\.(debug_info|symtab)\b', name)
            self.assertIn('.gnu_debuglink', sections, name)

    def test_02_symbols_are_in_the_extension(self):
        """They fit the programs, and lead to functions and lines."""
        for name in PROGRAMS:
            whole = self.dir / 'whole'
            output_of('eu-unstrip', '--output', whole, BASE / 'files' / name,
                      self.dir / 'debug' / f'{name}.debug')
            symbols = output_of('nm', '--defined-only', whole)
            address = re.search(r'^(\w+) [tT] (nb|nestbox)_\w+$', symbols, re.M).group(1)
            place = output_of('eu-addr2line', '-e', whole, address)
            self.assertRegex(place, r'\.[ch]:\d+', name)

    def test_03_extension_has_the_source(self):
        self.assertTrue(list((self.dir / 'debug/source').rglob('spawn/run/nestbox-main.c')))


class FreshInstallation(Session):
    """A user who has installed nothing; what the rig has is there for every user. The agents
    of gpg belong to it."""

    services = (*Session.services, 'gpg-agent')

    def private_environment(self):
        return dict(super().private_environment(), FLATPAK_USER_DIR=f'{self.dir}/user',
                    FLATPAK_SYSTEM_DIR=str(config.FLATPAK / 'user'))


class SignedRepository(ViewerCase):
    """Installed from the repository alone: its base is not looked for."""

    session_class = FreshInstallation

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keys = [cls.make_key(name) for name in ('one', 'two')]
        cls.front = repository.publish(cls.keys[0], out=cls.session.dir / 'repo',
                                       with_runtime=False)

    @classmethod
    def tearDownClass(cls):
        for key in cls.keys:
            subprocess.run(['gpgconf', '--homedir', key.home, '--kill', 'all'], check=True)
        super().tearDownClass()

    @classmethod
    def make_key(cls, name):
        home = cls.session.dir / name
        home.mkdir(mode=0o700)
        output_of('gpg', '--batch', '--homedir', home, '--passphrase', '',
                  '--quick-generate-key', f'{name}@nestbox.invalid', 'ed25519', 'sign', 'never')
        return repository.Key(f'{name}@nestbox.invalid', home)

    def flatpak(self, *words, well=True):
        status, output = self.session.call(['flatpak', '--user', *words], 'packages-flatpak.log')
        self.assertEqual(status == 0, well, output)
        return output

    def install(self, *words, **options):
        return self.flatpak('install', '-y', '--noninteractive', *words, **options)

    def tearDown(self):
        for app_id in self.flatpak('list', '--columns=application').split():
            if app_id in packages.IDS and self.installed(app_id):
                self.flatpak('uninstall', '-y', '--noninteractive', app_id)
        for remote in self.flatpak('remotes', '--columns=name').split():
            self.flatpak('remote-delete', '--force', remote)
        super().tearDown()

    def installed(self, app_id=packages.VIEWER_ID):
        return (self.session.dir / 'user/app' / app_id).exists()

    def test_01_added_by_its_file_it_can_be_installed_from(self):
        self.flatpak('remote-add', 'others', self.front)
        self.assertNotIn('no-gpg-verify', self.flatpak('remotes', '--columns=options'))
        self.install('others', packages.VIEWER_ID)
        self.assertTrue(self.installed())
        self.assert_it_shows_a_picture()

    def test_02_an_app_is_installed_by_its_file_from_a_server(self):
        out = self.front.parent
        served = case.Server(out)
        self.addCleanup(served.close)
        repository.publish(self.keys[0], served.url(''), out, with_runtime=False)
        self.install('--from', served.url(f'{packages.BASE_ID}.flatpakref'))
        self.assertTrue(self.installed(packages.BASE_ID))
        self.assertNotIn('no-gpg-verify', self.flatpak('remotes', '--columns=options'))

    def test_03_what_another_key_signed_is_refused(self):
        """As by who has taken over the server. Without the check it would be installed."""
        repository.publish(self.keys[0], out=self.front.parent, with_runtime=False)
        self.flatpak('remote-add', 'others', self.front)
        repository.publish(self.keys[1], out=self.front.parent, with_runtime=False)
        output = self.install('others', packages.VIEWER_ID, well=False)
        self.assertRegex(output, "Can't check signature: public key not found")
        self.assertFalse(self.installed())
        self.flatpak('remote-modify', '--no-gpg-verify', 'others')
        self.install('others', packages.VIEWER_ID)
        self.assertTrue(self.installed())

    def test_04_its_file_has_the_new_key(self):
        """It was made anew with that, so that nothing is left that the other had signed."""
        old = self.session.dir / 'old.flatpakrepo'
        old.write_text(repository.describe_repository(self.front.parent.as_uri(), self.keys[0]))
        self.assertIn('public key not found', self.flatpak('remote-add', 'old', old, well=False))
        self.flatpak('remote-add', 'new', self.front)
        self.install('new', packages.VIEWER_ID)
        self.assertTrue(self.installed())

    def test_05_without_a_key_there_is_none(self):
        for name, why in (('', 'no key is named'), ('nobody', 'no such secret key')):
            with self.assertRaisesRegex(StepFailed, why):
                repository.Key(name, self.session.dir / 'one')


if __name__ == '__main__':
    case.main(packages.up_quietly)

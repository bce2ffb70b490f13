"""tests/fetch-fixtures against small suites of its own: every source, and every way in which one is not
what it should be."""

import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tarfile
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "fetch-fixtures"

# What is recorded: the suite `first` of one repository, and `second` of another's folder Legacy.
FILES = {
    "first/StateTests/a.json": b'{"a": 1}',
    "first/StateTests/b.json": b'{"b": 2}',
    "first/Other/c.json": b"{}",
    "second/Legacy/StateTests/d.json": b'{"d": 4}',
}


def write(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def pack(path, files, mode):
    """An archive with these members."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        write(folder, {f"{index}": content for index, content in enumerate(files.values())})
        with tarfile.open(path, mode) as archive:
            for index, name in enumerate(files):
                archive.add(folder / f"{index}", arcname=name)
    return hashlib.sha256(path.read_bytes()).hexdigest()


class FetchFixtures(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.root = pathlib.Path(scratch.name)
        self.into = self.root / "into"
        self.archives = self.root / "archives"
        self.archives.mkdir()
        suites = {
            suite: {"archive_sha256": self.pack_suite(suite, FILES)} for suite in ("first", "second")
        }
        homes = self.root / "homes"
        homes.mkdir()
        self.repository = homes / "first.tar.gz"
        self.pack_repositories()
        release = {
            "fixtures/state_tests/new.json": b"{}",
            "fixtures/blockchain_tests_engine/not-wanted.json": b"{}",
        }
        release_digest = pack(homes / "release.tar.gz", release, "w:gz")
        self.description = {
            "manifest": "manifest.xz",
            "suites": suites,
            "homes": [
                {"url": self.repository.as_uri(), "suites": {"first": ""}},
                {"url": (homes / "second.tar.gz").as_uri(), "suites": {"second": "Legacy/"}},
                {
                    "url": (homes / "release.tar.gz").as_uri(),
                    "sha256": release_digest,
                    "folders": ["state_tests", "blockchain_tests"],
                    "note": "a release in place of what was recorded",
                },
            ],
        }
        self.describe()
        recorded = self.root / "recorded"
        write(recorded, FILES)
        self.call("--record", recorded)

    def pack_suite(self, suite, files):
        members = {name: content for name, content in files.items() if name.startswith(suite)}
        return pack(self.archives / f"{suite}.tar.xz", members, "w:xz")

    def pack_repositories(self, changed=None):
        """As GitHub packs a commit: one folder on top, and more files than are listed."""
        for suite in ("first", "second"):
            members = {
                name.replace(suite, f"{suite}-0123abc", 1): content
                for name, content in {**FILES, **(changed or {})}.items()
                if name.startswith(suite)
            }
            members[f"{suite}-0123abc/README.md"] = b"not listed"
            members[f"{suite}-0123abc/StateTests/later.json"] = b"not listed"
            pack(self.repository.with_name(f"{suite}.tar.gz"), members, "w:gz")

    def describe(self):
        (self.root / "fixtures.json").write_text(json.dumps(self.description))

    def start(self, *arguments, **environment):
        kept = {key: value for key, value in os.environ.items() if not key.startswith("DEFEREVM_")}
        return subprocess.run(
            [sys.executable, SCRIPT, "--description", self.root / "fixtures.json", "--into", self.into]
            + list(arguments),
            env={**kept, **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def call(self, *arguments, **environment):
        done = self.start(*arguments, **environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def refuse(self, word, *arguments, **environment):
        done = self.start(*arguments, **environment)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertIn(word, done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    def assert_suites(self, folder):
        for name, content in FILES.items():
            self.assertEqual((folder / name).read_bytes(), content)

    def test_an_unpacked_folder_is_verified_and_used_where_it_lies(self):
        recorded = self.root / "recorded"
        done = self.call(DEFEREVM_FIXTURES=str(recorded))
        self.assertEqual(done.stdout.strip(), str(recorded.resolve()))
        self.assertFalse(self.into.exists())

    def test_a_changed_file_is_named_by_its_folder(self):
        recorded = self.root / "recorded"
        write(recorded, {"first/StateTests/b.json": b'{"b": 3}'})
        self.refuse("first/StateTests", DEFEREVM_FIXTURES=str(recorded))

    def test_a_file_that_is_not_there_is_named(self):
        recorded = self.root / "recorded"
        (recorded / "first/StateTests/b.json").unlink()
        self.refuse("b.json", DEFEREVM_FIXTURES=str(recorded))

    def test_files_that_are_not_listed_are_used_with_a_notice(self):
        recorded = self.root / "recorded"
        write(recorded, {"first/StateTests/later.json": b"{}"})
        done = self.call(DEFEREVM_FIXTURES=str(recorded))
        self.assertIn("notice: first holds 1 files that are not listed", done.stderr)

    def test_a_folder_of_archives_is_unpacked_once(self):
        done = self.call(DEFEREVM_FIXTURES=str(self.archives))
        self.assertEqual(done.stdout.strip(), str(self.into.resolve()))
        self.assert_suites(self.into)
        for archive in self.archives.iterdir():
            archive.write_bytes(b"")
        self.call(DEFEREVM_FIXTURES=str(self.archives))
        self.assertEqual([path for path in self.into.iterdir() if "partial" in path.name], [])

    def test_a_file_url_of_archives_is_loaded_and_unpacked(self):
        self.call(DEFEREVM_FIXTURES_SOURCE=self.archives.as_uri() + "/")
        self.assert_suites(self.into)

    def test_an_archive_of_another_hash_is_refused_before_it_is_unpacked(self):
        self.pack_suite("second", {**FILES, "second/Legacy/StateTests/d.json": b'{"d": 5}'})
        self.refuse("second.tar.xz: expected SHA-256", "--source", self.archives.as_uri())
        self.assertFalse((self.into / "second").exists())

    def test_an_archive_with_the_right_hash_and_other_content_is_refused(self):
        changed = {**FILES, "second/Legacy/StateTests/d.json": b'{"d": 5}'}
        self.description["suites"]["second"]["archive_sha256"] = self.pack_suite("second", changed)
        self.describe()
        self.refuse("are not the recorded ones", "--source", self.archives.as_uri())
        self.assertFalse((self.into / "second").exists())

    def test_a_member_that_leads_out_of_the_archive_is_refused(self):
        self.description["suites"]["second"]["archive_sha256"] = pack(
            self.archives / "second.tar.xz", {"../../outside.json": b"{}"}, "w:xz"
        )
        self.describe()
        self.refuse("leads out of the archive", "--source", self.archives.as_uri())
        self.assertFalse((self.root / "outside.json").exists())

    def test_the_public_homes_give_the_listed_files_and_the_release(self):
        done = self.call()
        self.assert_suites(self.into)
        self.assertFalse((self.into / "first/StateTests/later.json").exists())
        self.assertIn("notice: 2 files of", done.stderr)
        self.assertIn("notice: a release in place of what was recorded", done.stderr)
        release = self.into / "eest-release"
        self.assertTrue((release / "state_tests/new.json").exists())
        self.assertFalse((release / "blockchain_tests_engine").exists())

    def test_a_public_file_that_changed_is_refused(self):
        self.pack_repositories({"first/Other/c.json": b"[]"})
        self.refuse("first/Other")

    def test_a_release_of_another_hash_is_refused(self):
        self.description["homes"][2]["sha256"] = "00" * 32
        self.describe()
        self.refuse("release.tar.gz: expected SHA-256 00")

    def test_what_cannot_be_loaded_says_what_to_set(self):
        self.refuse("DEFEREVM_FIXTURES", "--source", (self.root / "nowhere").as_uri())
        self.refuse("is no folder", "--fixtures", str(self.root / "nowhere"))

    def test_what_is_no_archive_is_refused(self):
        (self.archives / "first.tar.xz").write_bytes(b"random")
        self.description["suites"]["first"]["archive_sha256"] = hashlib.sha256(b"random").hexdigest()
        self.describe()
        self.refuse("first.tar.xz", "--source", self.archives.as_uri())


if __name__ == "__main__":
    unittest.main()

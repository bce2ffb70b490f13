//! The fetcher against small suites of its own: every source, and every way in which one is not what it should be.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
};

use flate2::write::GzEncoder;
use liblzma::write::XzEncoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

/// What is recorded: the suite `first` of one repository, and `second` of another's folder Legacy.
const FILES: [(&str, &str); 4] = [
    ("first/StateTests/a.json", r#"{"a": 1}"#),
    ("first/StateTests/b.json", r#"{"b": 2}"#),
    ("first/Other/c.json", "{}"),
    ("second/Legacy/StateTests/d.json", r#"{"d": 4}"#),
];

/// A file of the suite `second` that differs from the recorded one.
const CHANGED: (&str, &str) = ("second/Legacy/StateTests/d.json", r#"{"d": 5}"#);

type Files = BTreeMap<String, String>;

/// A folder with a description, its archives, and what was recorded.
struct Place {
    scratch: TempDir,
    description: Value,
}

impl Place {
    fn new() -> Self {
        let scratch = TempDir::new().unwrap();
        let root = scratch.path().to_owned();
        for folder in ["archives", "homes"] {
            fs::create_dir(root.join(folder)).unwrap();
        }
        let release = files(&[
            ("fixtures/state_tests/new.json", "{}"),
            ("fixtures/blockchain_tests_engine/not-wanted.json", "{}"),
        ]);
        let release_digest = pack_gz(&root.join("homes/release.tar.gz"), &release);
        let mut place = Self {
            scratch,
            description: json!({
                "manifest": "manifest.xz",
                "download": "about a kilobyte",
                "suites": {"first": {}, "second": {}},
                "homes": [
                    {"url": url(&root.join("homes/first.tar.gz")), "suites": {"first": ""}},
                    {"url": url(&root.join("homes/second.tar.gz")), "suites": {"second": "Legacy/"}},
                    {
                        "url": url(&root.join("homes/release.tar.gz")),
                        "sha256": release_digest,
                        "folders": ["state_tests", "blockchain_tests"],
                        "note": "a release in place of what was recorded",
                    },
                ],
            }),
        };
        for suite in ["first", "second"] {
            place.pack_suite(suite, &files(&FILES));
        }
        place.pack_repositories(&files(&FILES));
        write(&place.recorded(), &files(&FILES));
        place.call([OsStr::new("--record"), place.recorded().as_os_str()], None);
        place
    }

    fn root(&self) -> &Path {
        self.scratch.path()
    }

    fn recorded(&self) -> PathBuf {
        self.root().join("recorded")
    }

    fn archives(&self) -> PathBuf {
        self.root().join("archives")
    }

    fn target(&self) -> PathBuf {
        self.root().join("into")
    }

    /// Packs a suite's archive, and describes it.
    fn pack_suite(&mut self, suite: &str, files: &Files) {
        let digest = self.pack_other(suite, files);
        self.describe("suites", |suites| {
            suites[suite]["archive_sha256"] = json!(digest);
        });
    }

    /// Packs a suite's archive and leaves its description as it is.
    fn pack_other(&self, suite: &str, files: &Files) -> String {
        let mut members = files.clone();
        members.retain(|name, _| name.starts_with(suite) || name.starts_with(".."));
        pack_xz(&self.archives().join(format!("{suite}.tar.xz")), &members)
    }

    /// Packs as GitHub packs a commit: one folder on top, and more files than are listed.
    fn pack_repositories(&self, files: &Files) {
        for suite in ["first", "second"] {
            let top = format!("{suite}-0123abc");
            let below = |name: &str| Some(format!("{top}{}", name.strip_prefix(suite)?));
            let mut members: Files = files
                .iter()
                .filter_map(|(name, content)| Some((below(name)?, content.clone())))
                .collect();
            for name in ["README.md", "StateTests/later.json"] {
                members.insert(format!("{top}/{name}"), "not listed".to_owned());
            }
            pack_gz(&self.root().join(format!("homes/{suite}.tar.gz")), &members);
        }
    }

    fn describe(&mut self, key: &str, change: impl FnOnce(&mut Value)) {
        change(&mut self.description[key]);
        let text = self.description.to_string();
        fs::write(self.root().join("fixtures.json"), text).unwrap();
    }

    fn start(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variable: Option<(&str, &OsStr)>,
    ) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fetch-fixtures"));
        for name in ["DEFEREVM_FIXTURES", "DEFEREVM_FIXTURES_SOURCE"] {
            command.env_remove(name);
        }
        command
            .arg("--description")
            .arg(self.root().join("fixtures.json"))
            .arg("--into")
            .arg(self.target())
            .args(arguments)
            .envs(variable)
            .output()
            .unwrap()
    }

    /// Runs it and requires success: what it printed, and what it said.
    fn call(
        &self,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        variable: Option<(&str, &OsStr)>,
    ) -> (String, String) {
        let output = self.start(arguments, variable);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        (String::from_utf8(output.stdout).unwrap(), said)
    }

    fn call_with(&self, variable: &str, value: impl AsRef<OsStr>) -> (String, String) {
        self.call([""; 0], Some((variable, value.as_ref())))
    }

    /// Runs it and requires that it refuses in one line with these words.
    fn refuse(&self, words: &str, arguments: &[&str]) {
        self.require_refusal(words, &self.start(arguments, None));
    }

    fn refuse_fixtures(&self, words: &str, folder: &Path) {
        let variable = Some(("DEFEREVM_FIXTURES", folder.as_os_str()));
        self.require_refusal(words, &self.start([""; 0], variable));
    }

    fn require_refusal(&self, words: &str, output: &Output) {
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(output.stdout.is_empty());
        let last = said.lines().last().unwrap();
        assert!(last.starts_with("error: "), "{said}");
        assert!(last.contains(words), "{words:?} is not in {said}");
    }

    fn assert_suites(&self) {
        for (name, content) in FILES {
            assert_eq!(
                fs::read_to_string(self.target().join(name)).unwrap(),
                content
            );
        }
    }

    /// What is left of work that was not finished.
    fn partial(&self) -> Vec<String> {
        let entries = self.target().read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.contains("partial")).collect()
    }
}

fn files(files: &[(&str, &str)]) -> Files {
    files
        .iter()
        .map(|(name, content)| ((*name).to_owned(), (*content).to_owned()))
        .collect()
}

fn with(change: (&str, &str)) -> Files {
    let mut all = files(&FILES);
    all.insert(change.0.to_owned(), change.1.to_owned());
    all
}

fn write(root: &Path, files: &Files) {
    for (name, content) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// An archive with these members, whatever their names lead to.
fn pack(files: &Files) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        // Set by hand: the library refuses names that lead outside.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, content.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap()
}

fn pack_xz(path: &Path, files: &Files) -> String {
    let mut encoder = XzEncoder::new(File::create(path).unwrap(), 6);
    encoder.write_all(&pack(files)).unwrap();
    encoder.finish().unwrap();
    digest(path)
}

fn pack_gz(path: &Path, files: &Files) -> String {
    let mut encoder = GzEncoder::new(File::create(path).unwrap(), flate2::Compression::fast());
    encoder.write_all(&pack(files)).unwrap();
    encoder.finish().unwrap();
    digest(path)
}

fn digest(path: &Path) -> String {
    let digest = Sha256::digest(fs::read(path).unwrap());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn url(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// Answers requests for the files of a folder, each on a connection of its own, for as long as the test runs.
fn serve(folder: PathBuf) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let answer = match fs::read(folder.join(path)) {
                Ok(bytes) => {
                    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", bytes.len());
                    [head.as_bytes(), b"connection: close\r\n\r\n", &bytes].concat()
                }
                Err(_) => b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec(),
            };
            connection.write_all(&answer).unwrap();
        }
    });
    format!("http://{address}")
}

#[test]
fn an_unpacked_folder_is_verified_and_used_where_it_lies() {
    let place = Place::new();
    let (printed, _) = place.call_with("DEFEREVM_FIXTURES", place.recorded());
    let expected = place.recorded().canonicalize().unwrap();
    assert_eq!(printed.trim_end(), expected.to_str().unwrap());
    assert!(!place.target().exists());
}

#[test]
fn a_changed_file_is_named_by_its_folder() {
    let place = Place::new();
    write(
        &place.recorded(),
        &files(&[("first/StateTests/b.json", r#"{"b": 3}"#)]),
    );
    place.refuse_fixtures("first/StateTests", &place.recorded());
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new();
    fs::remove_file(place.recorded().join("first/StateTests/b.json")).unwrap();
    place.refuse_fixtures("b.json", &place.recorded());
}

#[test]
fn files_that_are_not_listed_are_used_with_a_notice() {
    let place = Place::new();
    write(
        &place.recorded(),
        &files(&[("first/StateTests/later.json", "{}")]),
    );
    let (_, said) = place.call_with("DEFEREVM_FIXTURES", place.recorded());
    assert!(said.contains("notice: first holds 1 files that are not listed"));
}

#[test]
fn a_folder_of_archives_is_unpacked_once() {
    let place = Place::new();
    let (printed, _) = place.call_with("DEFEREVM_FIXTURES", place.archives());
    let expected = place.target().canonicalize().unwrap();
    assert_eq!(printed.trim_end(), expected.to_str().unwrap());
    place.assert_suites();
    for archive in ["first.tar.xz", "second.tar.xz"] {
        fs::write(place.archives().join(archive), "").unwrap();
    }
    place.call_with("DEFEREVM_FIXTURES", place.archives());
    assert_eq!(place.partial(), [""; 0]);
}

#[test]
fn an_archive_that_is_not_there_is_named() {
    let place = Place::new();
    fs::remove_file(place.archives().join("second.tar.xz")).unwrap();
    place.refuse_fixtures("second.tar.xz is not there", &place.archives());
}

#[test]
fn a_file_url_of_archives_is_loaded_and_unpacked() {
    let place = Place::new();
    let source = url(&place.archives()) + "/";
    place.call_with("DEFEREVM_FIXTURES_SOURCE", source);
    place.assert_suites();
}

#[test]
fn a_file_url_with_escapes_is_read() {
    let place = Place::new();
    let spaced = place.root().join("with space");
    fs::rename(place.archives(), &spaced).unwrap();
    place.call(["--source", &url(&spaced).replace(' ', "%20")], None);
    place.assert_suites();
}

#[test]
fn an_http_source_is_loaded_and_its_lengths_are_said() {
    let place = Place::new();
    let (_, said) = place.call(["--source", &serve(place.archives())], None);
    place.assert_suites();
    assert!(said.contains("second.tar.xz, 1 MB"), "{said}");
}

#[test]
fn an_http_source_without_the_archive_says_what_to_set() {
    let place = Place::new();
    let source = serve(place.root().join("recorded"));
    place.refuse("404", &["--source", &source]);
    place.refuse("Set DEFEREVM_FIXTURES", &["--source", &source]);
}

#[test]
fn an_archive_of_another_hash_is_refused_before_it_is_unpacked() {
    let place = Place::new();
    place.pack_other("second", &with(CHANGED));
    place.refuse(
        "second.tar.xz: expected SHA-256",
        &["--source", &url(&place.archives())],
    );
    assert!(!place.target().join("second").exists());
    assert_eq!(place.partial(), [""; 0]);
}

#[test]
fn an_archive_with_the_right_hash_and_other_content_is_refused() {
    let mut place = Place::new();
    place.pack_suite("second", &with(CHANGED));
    place.refuse(
        "are not the recorded ones",
        &["--source", &url(&place.archives())],
    );
    assert!(!place.target().join("second").exists());
}

#[test]
fn a_member_that_leads_out_of_the_archive_is_refused() {
    let mut place = Place::new();
    place.pack_suite("second", &files(&[("../../outside.json", "{}")]));
    place.refuse(
        "leads out of the archive",
        &["--source", &url(&place.archives())],
    );
    assert!(!place.root().join("outside.json").exists());
}

#[test]
fn the_public_homes_give_the_listed_files_and_the_release() {
    let place = Place::new();
    let (_, said) = place.call([""; 0], None);
    place.assert_suites();
    assert!(said.starts_with("obtaining the conformance suites: about a kilobyte"));
    assert!(said.contains("notice: 2 files of"), "{said}");
    assert!(said.contains("notice: a release in place of what was recorded"));
    let unlisted = place.target().join("first/StateTests/later.json");
    assert!(!unlisted.exists());
    let release = place.target().join("eest-release");
    assert!(release.join("state_tests/new.json").exists());
    assert!(!release.join("blockchain_tests_engine").exists());
    // The second time all of it is there.
    let (_, said) = place.call([""; 0], None);
    assert_eq!(said, "");
}

#[test]
fn a_public_file_that_changed_is_refused() {
    let place = Place::new();
    place.pack_repositories(&with(("first/Other/c.json", "[]")));
    place.refuse("first/Other", &[]);
}

#[test]
fn a_release_of_another_hash_is_refused() {
    let mut place = Place::new();
    place.describe("homes", |homes| homes[2]["sha256"] = json!("00".repeat(32)));
    place.refuse("release.tar.gz: expected SHA-256 00", &[]);
}

#[test]
fn what_cannot_be_loaded_says_what_to_set() {
    let place = Place::new();
    let nowhere = place.root().join("nowhere");
    place.refuse("Set DEFEREVM_FIXTURES", &["--source", &url(&nowhere)]);
    place.refuse("Set DEFEREVM_FIXTURES", &["--source", "gopher://nowhere"]);
    place.refuse("is no folder", &["--fixtures", nowhere.to_str().unwrap()]);
}

#[test]
fn what_is_no_archive_is_refused() {
    let mut place = Place::new();
    let archive = place.archives().join("first.tar.xz");
    fs::write(&archive, "random").unwrap();
    let digest = digest(&archive);
    place.describe("suites", |suites| {
        suites["first"]["archive_sha256"] = json!(digest);
    });
    place.refuse("first.tar.xz", &["--source", &url(&place.archives())]);
}

#[test]
fn a_new_record_makes_what_was_unpacked_before_old() {
    let place = Place::new();
    place.call_with("DEFEREVM_FIXTURES", place.archives());
    write(&place.recorded(), &with(CHANGED));
    place.call([OsStr::new("--record"), place.recorded().as_os_str()], None);
    place.refuse_fixtures("are not the recorded ones", &place.archives());
}

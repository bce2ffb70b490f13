//! `target/fixtures`: what was unpacked, with a stamp for each suite that was found good.
//!
//! A suite appears there whole or not at all: it is unpacked beside, checked, and then renamed.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    archive::unpack,
    description::{Description, Folders, Home, Release, Repository, file_digest, verify},
    download::download,
    error::Unusable,
};

/// The folder of what stands in for suites that are in no release.
const RELEASE: &str = "eest-release";

/// The folder of unpacked suites.
pub struct Store<'a> {
    description: &'a Description,
    root: &'a Path,
    folders: BTreeMap<String, Folders>,
    stamp: String,
}

impl<'a> Store<'a> {
    /// A store below `root`, which need not exist.
    pub fn new(description: &'a Description, root: &'a Path) -> Result<Self, Unusable> {
        Ok(Self {
            description,
            root,
            folders: description.folders()?,
            stamp: description.stamp()?,
        })
    }

    /// Unpacks what is missing from a folder of archives.
    pub fn unpack_archives(&self, folder: &Path) -> Result<(), Unusable> {
        for suite in self.missing() {
            let path = folder.join(archive_name(suite));
            if !path.exists() {
                return Err(Unusable::NoArchive { path });
            }
            self.unpack_archive(suite, &path, &path.display().to_string())?;
        }
        Ok(())
    }

    /// Loads and unpacks what is missing from the archives below a URL.
    pub fn load_archives(&self, url: &str) -> Result<(), Unusable> {
        for suite in self.missing() {
            let scratch = self.scratch()?;
            let path = scratch.path().join(archive_name(suite));
            let url = format!("{}/{}", url.trim_end_matches('/'), archive_name(suite));
            download(&url, &path)?;
            self.unpack_archive(suite, &path, &url)?;
        }
        Ok(())
    }

    /// Loads and unpacks what is missing from the public homes.
    pub fn load_homes(&self) -> Result<(), Unusable> {
        let is_missing = |home: &&Home| match home {
            Home::Repository(home) => !home.suites.keys().all(|suite| self.holds(suite)),
            Home::Release(_) => !self.holds(RELEASE),
        };
        let missing: Vec<&Home> = self.description.homes().iter().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(());
        }
        eprintln!(
            "obtaining the conformance suites: {}; they stay in {}",
            self.description.download(),
            self.root.display()
        );
        for home in missing {
            match home {
                Home::Repository(home) => self.load_repository(home)?,
                Home::Release(home) => self.load_release(home)?,
            }
        }
        Ok(())
    }

    /// A commit's archive on GitHub: members lie below one folder, fixtures below one for each suite.
    fn load_repository(&self, home: &Repository) -> Result<(), Unusable> {
        let mut listed = BTreeMap::new();
        for (suite, below) in &home.suites {
            for (folder, recorded) in &self.folders[suite] {
                for name in &recorded.names {
                    let path = format!("{folder}/{name}");
                    if path.starts_with(below) {
                        let place = format!("{suite}/{path}");
                        listed.insert(path, place);
                    }
                }
            }
        }
        let scratch = self.scratch()?;
        let archive = scratch.path().join("archive.tar.gz");
        download(&home.url, &archive)?;
        let left_out = unpack(&archive, scratch.path(), &|member| {
            let (_, path) = member.split_once('/')?;
            listed.get(path).cloned()
        })?;
        eprintln!(
            "notice: {left_out} files of {} are not listed and were left out",
            home.url
        );
        for suite in home.suites.keys() {
            verify(scratch.path(), suite, &self.folders[suite])?;
            self.accept(scratch.path(), suite)?;
        }
        Ok(())
    }

    fn load_release(&self, home: &Release) -> Result<(), Unusable> {
        let scratch = self.scratch()?;
        let archive = scratch.path().join("archive.tar.gz");
        download(&home.url, &archive)?;
        require_digest(&archive, &home.sha256, &home.url)?;
        unpack(&archive, scratch.path(), &|member| {
            let (_, path) = member.split_once("fixtures/")?;
            let kind = path.split('/').next()?;
            let is_wanted = home.folders.iter().any(|folder| folder == kind);
            is_wanted.then(|| format!("{RELEASE}/{path}"))
        })?;
        self.accept(scratch.path(), RELEASE)?;
        eprintln!("notice: {}", home.note);
        Ok(())
    }

    fn unpack_archive(&self, suite: &str, path: &Path, name: &str) -> Result<(), Unusable> {
        require_digest(path, &self.description.suites()[suite].archive_sha256, name)?;
        let scratch = self.scratch()?;
        unpack(path, scratch.path(), &|member| Some(member.to_owned()))?;
        verify(scratch.path(), suite, &self.folders[suite])?;
        self.accept(scratch.path(), suite)
    }

    /// Moves a suite that is good to its place.
    fn accept(&self, scratch: &Path, suite: &str) -> Result<(), Unusable> {
        let target = self.root.join(suite);
        let moved = || -> io::Result<()> {
            if target.exists() {
                fs::remove_dir_all(&target)?;
            }
            fs::rename(scratch.join(suite), &target)?;
            fs::write(self.stamp_path(suite), &self.stamp)
        };
        moved().map_err(Unusable::at(&target))
    }

    fn missing(&self) -> impl Iterator<Item = &str> {
        let suites = self.description.suites().keys().map(String::as_str);
        suites.filter(|suite| !self.holds(suite))
    }

    fn holds(&self, suite: &str) -> bool {
        let found = fs::read_to_string(self.stamp_path(suite));
        found.is_ok_and(|stamp| stamp == self.stamp)
    }

    fn stamp_path(&self, suite: &str) -> PathBuf {
        self.root.join(format!(".{suite}"))
    }

    /// A folder that is gone when the value is; on the store's own file system, so that a rename moves.
    fn scratch(&self) -> Result<TempDir, Unusable> {
        let create = || -> io::Result<TempDir> {
            fs::create_dir_all(self.root)?;
            tempfile::Builder::new()
                .prefix(".partial-")
                .tempdir_in(self.root)
        };
        create().map_err(Unusable::at(self.root))
    }
}

fn archive_name(suite: &str) -> String {
    format!("{suite}.tar.xz")
}

fn require_digest(path: &Path, expected: &str, name: &str) -> Result<(), Unusable> {
    let found = file_digest(path)?;
    if found == expected {
        return Ok(());
    }
    Err(Unusable::OtherArchive {
        name: name.to_owned(),
        expected: expected.to_owned(),
        found,
    })
}

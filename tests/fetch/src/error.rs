//! Everything that keeps suites from being obtained: something is not there, or is not what was recorded.

use std::{
    io,
    path::{Path, PathBuf},
};

use thiserror::Error;

use crate::{archive::FILE_BYTES_MAX, download::ARCHIVE_BYTES_MAX};

/// Why the suites cannot be used.
#[derive(Debug, Error)]
pub enum Unusable {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{}: {source}", path.display())]
    Description {
        path: PathBuf,
        source: serde_json::Error,
    },
    #[error("{}: line {line} is not SUITE/FOLDER, SHA-256 and names, separated by tabs", path.display())]
    Manifest { path: PathBuf, line: usize },
    #[error("{suite} is not in the manifest; --record writes it")]
    NotInManifest { suite: String },
    #[error("DEFEREVM_FIXTURES: {} is no folder", path.display())]
    NoFolder { path: PathBuf },
    #[error("{} is not there", path.display())]
    NoArchive { path: PathBuf },
    #[error("{}: none of the suites is there", root.display())]
    NothingToRecord { root: PathBuf },
    #[error(
        "{}: the {listed} listed files are not the recorded ones: expected SHA-256 {expected}, found {found}",
        folder.display()
    )]
    OtherFiles {
        folder: PathBuf,
        listed: usize,
        expected: String,
        found: String,
    },
    #[error("{name}: expected SHA-256 {expected}, found {found}")]
    OtherArchive {
        name: String,
        expected: String,
        found: String,
    },
    #[error("{}: {member} leads out of the archive", archive.display())]
    LeadsOut { archive: PathBuf, member: String },
    #[error("{}: {member} is longer than {FILE_BYTES_MAX} bytes", archive.display())]
    FileTooLong { archive: PathBuf, member: String },
    #[error("{url}: longer than {ARCHIVE_BYTES_MAX} bytes")]
    ArchiveTooLong { url: String },
    #[error(
        "{url}: {reason}. Set DEFEREVM_FIXTURES to a folder that holds the suites, or DEFEREVM_FIXTURES_SOURCE to a \
         URL of their archives; see \"Tests\" in README.md"
    )]
    NotLoaded { url: String, reason: String },
}

impl Unusable {
    /// What turns a failure of the file system into one that names the path.
    pub fn at(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::File { path, source }
    }
}

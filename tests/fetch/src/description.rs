//! What was recorded of the suites (`tests/fixtures.json` and the manifest that it names), and whether files are that.
//!
//! Owns digests and the manifest; moves and loads nothing.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use liblzma::{read::XzDecoder, write::XzEncoder};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::error::Unusable;

/// `tests/fixtures.json`.
pub struct Description {
    path: PathBuf,
    content: Content,
}

#[derive(Deserialize)]
struct Content {
    /// The manifest's file name, beside the description.
    manifest: String,
    /// What the public homes take, for people.
    download: String,
    suites: BTreeMap<String, Suite>,
    homes: Vec<Home>,
}

/// A suite; its name is the folder that it is unpacked to.
#[derive(Deserialize)]
pub struct Suite {
    /// SHA-256 of `NAME.tar.xz`.
    pub archive_sha256: String,
}

/// A public archive.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Home {
    Repository(Repository),
    Release(Release),
}

/// A commit of a repository.
#[derive(Deserialize)]
pub struct Repository {
    pub url: String,
    /// The suites in it, and the beginning of their files' paths there.
    pub suites: BTreeMap<String, String>,
}

/// A release that stands in for suites that are in none.
#[derive(Deserialize)]
pub struct Release {
    pub url: String,
    pub sha256: String,
    /// The folders that are taken.
    pub folders: Vec<String>,
    /// What it stands in for, for people.
    pub note: String,
}

/// The recorded folders of a suite, by their path in it.
pub type Folders = BTreeMap<String, Folder>;

/// The recorded files of one folder.
pub struct Folder {
    /// [`folder_digest`] of them.
    pub sha256: String,
    pub names: Vec<String>,
}

impl Description {
    /// Reads the description; the manifest need not be there yet.
    pub fn read(path: &Path) -> Result<Self, Unusable> {
        let text = fs::read(path).map_err(Unusable::at(path))?;
        let content = serde_json::from_slice(&text).map_err(|source| Unusable::Description {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            content,
        })
    }

    pub fn suites(&self) -> &BTreeMap<String, Suite> {
        &self.content.suites
    }

    pub fn homes(&self) -> &[Home] {
        &self.content.homes
    }

    pub fn download(&self) -> &str {
        &self.content.download
    }

    pub fn manifest_path(&self) -> PathBuf {
        self.path.with_file_name(&self.content.manifest)
    }

    /// Changes when what is expected changes.
    pub fn stamp(&self) -> Result<String, Unusable> {
        let mut digest = Sha256::new();
        for path in [&self.path, &self.manifest_path()] {
            digest.update(fs::read(path).map_err(Unusable::at(path))?);
        }
        Ok(hex(digest))
    }

    /// The manifest: the folders of every suite.
    pub fn folders(&self) -> Result<BTreeMap<String, Folders>, Unusable> {
        let path = self.manifest_path();
        let file = File::open(&path).map_err(Unusable::at(&path))?;
        let mut found = BTreeMap::<String, Folders>::new();
        for (line, text) in (1..).zip(BufReader::new(XzDecoder::new(file)).lines()) {
            let text = text.map_err(Unusable::at(&path))?;
            let (suite, folder, recorded) =
                manifest_line(&text).ok_or_else(|| Unusable::Manifest {
                    path: path.clone(),
                    line,
                })?;
            found.entry(suite).or_default().insert(folder, recorded);
        }
        match self
            .suites()
            .keys()
            .find(|suite| !found.contains_key(*suite))
        {
            None => Ok(found),
            Some(suite) => Err(Unusable::NotInManifest {
                suite: suite.clone(),
            }),
        }
    }

    /// Requires every suite to lie below a folder as it was recorded.
    pub fn verify_all(&self, root: &Path) -> Result<(), Unusable> {
        for (suite, folders) in self.folders()? {
            verify(root, &suite, &folders)?;
        }
        Ok(())
    }

    /// Writes the manifest from an unpacked tree; how many folders it lists.
    pub fn record(&self, root: &Path) -> Result<usize, Unusable> {
        let mut lines = Vec::new();
        for suite in self.suites().keys() {
            for (folder, names) in fixtures_below(&root.join(suite)) {
                let digest = folder_digest(&folder, &names)?;
                let below = folder.strip_prefix(root).expect("the walk began below it");
                let below = below.to_string_lossy().replace('\\', "/");
                lines.push(format!("{below}\t{digest}\t{}\n", names.join("\t")));
            }
        }
        if lines.is_empty() {
            return Err(Unusable::NothingToRecord {
                root: root.to_owned(),
            });
        }
        let path = self.manifest_path();
        let write = || -> io::Result<()> {
            let mut encoder = XzEncoder::new(File::create(&path)?, 9);
            encoder.write_all(lines.concat().as_bytes())?;
            encoder.finish()?.sync_all()
        };
        write().map_err(Unusable::at(&path))?;
        Ok(lines.len())
    }
}

/// Suite, folder in it, and what is recorded of that.
fn manifest_line(text: &str) -> Option<(String, String, Folder)> {
    let mut fields = text.split('\t');
    let (suite, folder) = {
        let path = fields.next()?;
        path.split_once('/').unwrap_or((path, ""))
    };
    let sha256 = fields.next()?.to_owned();
    let names: Vec<String> = fields.map(str::to_owned).collect();
    (!names.is_empty()).then(|| {
        (
            suite.to_owned(),
            folder.to_owned(),
            Folder { sha256, names },
        )
    })
}

/// Requires every listed file of a suite to be there with the recorded content, and says what else is.
pub fn verify(root: &Path, suite: &str, folders: &Folders) -> Result<(), Unusable> {
    let mut listed = 0;
    for (folder, Folder { sha256, names }) in folders {
        let folder = root.join(suite).join(folder);
        let found = folder_digest(&folder, names)?;
        if found != *sha256 {
            return Err(Unusable::OtherFiles {
                folder,
                listed: names.len(),
                expected: sha256.clone(),
                found,
            });
        }
        listed += names.len();
    }
    let found = fixtures_below(&root.join(suite));
    let found: usize = found.iter().map(|(_, names)| names.len()).sum();
    if found > listed {
        eprintln!(
            "notice: {suite} holds {} files that are not listed; what runs them expects no counts",
            found - listed
        );
    }
    Ok(())
}

/// SHA-256 of a file.
pub fn file_digest(path: &Path) -> Result<String, Unusable> {
    let digest = || -> io::Result<Sha256> {
        let mut file = File::open(path)?;
        let mut digest = Sha256::new();
        let mut chunk = vec![0; 1 << 18];
        loop {
            match file.read(&mut chunk)? {
                0 => return Ok(digest),
                length => digest.update(&chunk[..length]),
            }
        }
    };
    digest().map(hex).map_err(Unusable::at(path))
}

/// SHA-256 over the sorted lines `NAME SHA256`, of the named files.
fn folder_digest(folder: &Path, names: &[String]) -> Result<String, Unusable> {
    let mut names: Vec<&String> = names.iter().collect();
    names.sort();
    let mut digest = Sha256::new();
    for name in names {
        let of_file = file_digest(&folder.join(name))?;
        digest.update(format!("{name} {of_file}\n"));
    }
    Ok(hex(digest))
}

fn hex(digest: Sha256) -> String {
    let bytes = digest.finalize();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Every folder from here down that holds fixtures, and their names, sorted; none where nothing can be listed.
fn fixtures_below(root: &Path) -> Vec<(PathBuf, Vec<String>)> {
    let mut found = Vec::new();
    let mut to_list = vec![root.to_owned()];
    while let Some(folder) = to_list.pop() {
        let mut names = Vec::new();
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => to_list.push(entry.path()),
                _ if name.ends_with(".json") => names.push(name),
                _ => {}
            }
        }
        if !names.is_empty() {
            names.sort();
            found.push((folder, names));
        }
    }
    found.sort();
    found
}

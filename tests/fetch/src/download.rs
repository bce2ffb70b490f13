//! Loads a URL into a file, within a limit, and says how far it is.

use std::{
    error::Error,
    fs::File,
    io::{self, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use deferevm_fetch::{Patience, client};
use indicatif::{ProgressBar, ProgressStyle};

use crate::error::Unusable;

/// The most bytes of an archive; the largest public one has 300 million.
pub const ARCHIVE_BYTES_MAX: u64 = 2 << 30;
/// How long an archive may take: at a slow megabit a second.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(60),
    body: Duration::from_secs(4 * 3600),
};
/// How often progress is said where there is no terminal, in bytes.
const SAID_EACH: u64 = 50_000_000;

type Reason = Box<dyn Error>;

/// Loads `https://`, `http://` or `file://` into a file.
///
/// # Errors
/// [`Unusable::NotLoaded`] with the reason and what to do, and [`Unusable::ArchiveTooLong`].
pub fn download(url: &str, into: &Path) -> Result<(), Unusable> {
    let not_loaded = |reason: Reason| Unusable::NotLoaded {
        url: url.to_owned(),
        reason: reason.to_string(),
    };
    let (body, length) = open(url).map_err(not_loaded)?;
    match length {
        Some(length) => eprintln!("loading {url}, {} MB", megabytes(length)),
        None => eprintln!("loading {url}"),
    }
    let progress = Progress::new(length);
    let loaded = copy(body, into, progress).map_err(|error| not_loaded(error.into()))?;
    if loaded > ARCHIVE_BYTES_MAX {
        return Err(Unusable::ArchiveTooLong {
            url: url.to_owned(),
        });
    }
    Ok(())
}

/// What a URL holds, and its length where that is known.
fn open(url: &str) -> Result<(Box<dyn Read>, Option<u64>), Reason> {
    if let Some(path) = url.strip_prefix("file://") {
        let file = File::open(file_path(path)?)?;
        let length = file.metadata()?.len();
        return Ok((Box::new(file), Some(length)));
    }
    let body = client(PATIENCE)?.get(url).call()?.into_body();
    let length = body.content_length();
    Ok((Box::new(body.into_reader()), length))
}

/// The path in a `file://` URL: `%XX` is a byte, and a host is not looked for.
fn file_path(url: &str) -> Result<PathBuf, Reason> {
    let url = url.strip_prefix("localhost").unwrap_or(url);
    if !url.starts_with('/') {
        return Err("a file URL begins with file:/// and an absolute path".into());
    }
    let mut bytes = Vec::with_capacity(url.len());
    let mut rest = url.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|digits| str::from_utf8(digits).ok());
        let escaped = escaped.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Ok(PathBuf::from(String::from_utf8(bytes)?))
}

/// Copies at most one byte more than an archive may have; how many.
fn copy(mut from: Box<dyn Read>, into: &Path, mut progress: Progress) -> io::Result<u64> {
    let mut file = File::create(into)?;
    let mut chunk = vec![0; 1 << 18];
    let mut loaded = 0;
    while loaded <= ARCHIVE_BYTES_MAX {
        let length = from.read(&mut chunk)?;
        if length == 0 {
            break;
        }
        file.write_all(&chunk[..length])?;
        loaded += u64::try_from(length).expect("a chunk's length fits");
        progress.set(loaded);
    }
    Ok(loaded)
}

/// A bar on a terminal, else a line now and then.
struct Progress {
    bar: Option<ProgressBar>,
    length: Option<u64>,
    said: u64,
}

impl Progress {
    fn new(length: Option<u64>) -> Self {
        let template = match length {
            Some(_) => "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left",
            None => "{spinner} {bytes}, {bytes_per_sec}",
        };
        let style = ProgressStyle::with_template(template).expect("the template is well-formed");
        let is_seen = io::stderr().is_terminal();
        Self {
            bar: is_seen.then(|| match length {
                Some(length) => ProgressBar::new(length).with_style(style),
                None => ProgressBar::no_length().with_style(style),
            }),
            length,
            said: 0,
        }
    }

    fn set(&mut self, loaded: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(loaded);
        } else if loaded - self.said >= SAID_EACH {
            self.said = loaded;
            match self.length {
                Some(length) => eprintln!("  {} of {} MB", megabytes(loaded), megabytes(length)),
                None => eprintln!("  {} MB", megabytes(loaded)),
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}

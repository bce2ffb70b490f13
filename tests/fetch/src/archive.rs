//! Unpacks archives: regular files only, none outside the folder, none longer than a limit.

use std::{
    fs::{self, File},
    io::{self, BufReader, Read},
    path::{Component, Path, PathBuf},
};

use flate2::bufread::MultiGzDecoder;
use liblzma::bufread::XzDecoder;

use crate::error::Unusable;

/// The most bytes of one file; the largest public fixture has 25 million.
pub const FILE_BYTES_MAX: u64 = 256 << 20;
/// The most bytes of an archive, unpacked; the largest public one has less than a tenth.
const UNPACKED_BYTES_MAX: u64 = 64 << 30;

/// Unpacks the regular files for which `place` gives a relative path; how many it gave none for.
///
/// # Errors
/// A file of the archive that leads out of `into` or is too long, and an archive that is none.
pub fn unpack(
    archive: &Path,
    into: &Path,
    place: &dyn Fn(&str) -> Option<String>,
) -> Result<u64, Unusable> {
    let at = || Unusable::at(archive);
    let mut members = tar::Archive::new(decoder(archive).map_err(at())?);
    let mut left_out = 0;
    for member in members.entries().map_err(at())? {
        let mut member = member.map_err(at())?;
        if !member.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
        let Some(relative) = place(&name) else {
            left_out += 1;
            continue;
        };
        let path = below(into, &relative).ok_or_else(|| Unusable::LeadsOut {
            archive: archive.to_owned(),
            member: name.clone(),
        })?;
        if member.size() > FILE_BYTES_MAX {
            return Err(Unusable::FileTooLong {
                archive: archive.to_owned(),
                member: name,
            });
        }
        write(&path, &mut member).map_err(Unusable::at(&path))?;
    }
    Ok(left_out)
}

/// The decompressed bytes, by what the archive's name ends in.
fn decoder(archive: &Path) -> io::Result<Box<dyn Read>> {
    let file = BufReader::new(File::open(archive)?);
    Ok(if archive.extension().is_some_and(|end| end == "xz") {
        Box::new(XzDecoder::new_multi_decoder(file).take(UNPACKED_BYTES_MAX))
    } else {
        Box::new(MultiGzDecoder::new(file).take(UNPACKED_BYTES_MAX))
    })
}

/// The path below a folder, if it stays there.
fn below(folder: &Path, relative: &str) -> Option<PathBuf> {
    let relative = Path::new(relative);
    let is_name = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    relative
        .components()
        .all(is_name)
        .then(|| folder.join(relative))
}

fn write(path: &Path, from: &mut impl Read) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    io::copy(from, &mut File::create(path)?)?;
    Ok(())
}

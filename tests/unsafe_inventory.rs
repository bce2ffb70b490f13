//! Where `unsafe` stands, and how often: a change of it is a change here, for the reviewer to see.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Blocks, functions and implementations, by file.
const INVENTORY: &[(&str, usize)] = &[
    ("opcodes/src/blocks/run.rs", 20),
    ("opcodes/src/interpreter.rs", 27),
    ("opcodes/src/machine/jump_destinations/lanes.rs", 2),
    ("opcodes/src/machine/keccak/lanes.rs", 1),
    ("opcodes/src/machine/stack.rs", 23),
    ("opcodes/src/machine/word/bits.rs", 1),
    ("opcodes/src/machine/word/division.rs", 1),
    ("src/precompiles/bls12_381/curve.rs", 23),
    ("src/precompiles/modexp/power.rs", 7),
    ("src/round/pieces.rs", 1),
    ("src/round/slots.rs", 6),
];

#[test]
fn unsafe_stands_in_these_files_so_often_and_nowhere_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = BTreeMap::new();
    for folder in ["src", "opcodes/src"] {
        for file in sources(&root.join(folder)) {
            let text = fs::read_to_string(&file).unwrap();
            let count: usize = text.lines().map(uses).sum();
            if count > 0 {
                let name = file.strip_prefix(root).unwrap();
                found.insert(name.to_string_lossy().replace('\\', "/"), count);
            }
        }
    }
    let expected = INVENTORY
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect();
    assert_eq!(found, expected);
}

/// How often a line begins something unsafe; comments begin nothing.
fn uses(line: &str) -> usize {
    let code = line.split("//").next().unwrap_or_default();
    ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
        .iter()
        .map(|form| code.matches(form).count())
        .sum()
}

/// All Rust files below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

//! The options that the benchmark programs have in common.

use std::path::PathBuf;

use super::measure::Effort;

/// What the command line says.
#[derive(Debug, Default)]
pub struct Options {
    /// Only what has this in its name.
    pub filter: Option<String>,
    /// A first look instead of a measurement.
    pub is_quick: bool,
    /// Where to write the results.
    pub json: Option<PathBuf>,
}

impl Options {
    /// Reads the command line, and ends the program where it asks for help or makes no sense.
    /// `filter` is the name of the option that selects among what is measured.
    pub fn from_command_line(filter: &str) -> Self {
        match Self::parse(std::env::args().skip(1), filter) {
            Ok(options) => options,
            Err(message) => {
                eprintln!("{message}\noptions: [{filter} SUBSTRING] [--quick] [--json FILE]");
                std::process::exit(2);
            }
        }
    }

    /// How long to measure.
    pub fn effort(&self) -> Effort {
        if self.is_quick {
            Effort::QUICK
        } else {
            Effort::FULL
        }
    }

    /// Whether a name is selected.
    pub fn selects(&self, name: &str) -> bool {
        self.filter
            .as_deref()
            .is_none_or(|part| name.contains(part))
    }

    /// Writes the results, if the command line says where.
    pub fn write_json(&self, results: &serde_json::Value) -> Result<(), String> {
        let Some(path) = &self.json else {
            return Ok(());
        };
        let text = format!("{results:#}\n");
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(mut words: impl Iterator<Item = String>, filter: &str) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("{word} wants a value"));
            match word.as_str() {
                "--quick" => options.is_quick = true,
                "--json" => options.json = Some(value()?.into()),
                // What `cargo bench` adds of its own accord.
                "--bench" => {}
                word if word == filter => options.filter = Some(value()?),
                "--help" => return Err("measures; see benches/README.md".to_owned()),
                word => return Err(format!("{word}: unknown option")),
            }
        }
        Ok(options)
    }
}

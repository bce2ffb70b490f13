//! A tenth of the state tests under each deferred policy with 1, 2 and 8 workers: never a panic, no wei
//! lost or made, one digest, and Ethereum's own result where nothing is called or created.
//!
//! All of them: `deferevm statetest --policy all --keep-going PATH...`.

use std::{collections::BTreeMap, ops::ControlFlow, path::PathBuf};

use deferevm::{
    call::Policy,
    fixtures::{
        Class, DeferredRunner, Event, FixtureFork, PreparedCase, StateRunner, StateTest,
        drive::drive_with,
    },
    keccak256,
};

/// Where the suites lie.
const VARIABLE: &str = "DEFEREVM_FIXTURES";

const FOLDERS: [&str; 7] = [
    "classic-ethereum-tests/GeneralStateTests",
    "classic-legacy-cancun-gst/Cancun/GeneralStateTests",
    "classic-legacy-constantinople/Constantinople/GeneralStateTests",
    "eest-state-frontier-to-shanghai/state_tests",
    "eest-state-cancun/state_tests",
    "eest-state-prague/state_tests",
    "eest-state-osaka/state_tests",
];

/// Whether a case is of the tenth: by the hash of its name, so that it is the same tenth everywhere.
fn is_chosen(prepared: &PreparedCase) -> bool {
    let hash = keccak256(prepared.case.to_string());
    hash.to_low_u64_be().is_multiple_of(10)
}

#[test]
fn a_tenth_of_the_state_tests_holds_under_deferral() {
    let root = std::env::var_os(VARIABLE).map(PathBuf::from);
    let root = root.unwrap_or_else(|| panic!("{VARIABLE} must name the folder of the fixtures"));
    let paths = FOLDERS.map(|folder| root.join(folder));
    let policies = [Policy::seed(), Policy::practical()];
    let workers = std::thread::available_parallelism().map_or(1, Into::into);
    let mut failures = Vec::new();
    let mut classes: BTreeMap<(&str, Class), u64> = BTreeMap::new();
    drive_with(
        &paths,
        workers,
        |file| {
            let tests = StateTest::parse_file(&file.name, &file.read()?)?;
            let prepared = tests.iter().flat_map(PreparedCase::all);
            Ok(prepared.filter(is_chosen).collect())
        },
        || (StateRunner::default(), DeferredRunner::default()),
        |(state, deferred), prepared: &PreparedCase| {
            let FixtureFork::Supported(fork) = prepared.case.post().fork else {
                return Err("a fork that is not supported".to_owned());
            };
            let ethereum = state.run(prepared, fork);
            let mut found = Vec::new();
            for policy in policies {
                let class = deferred
                    .run(prepared, fork, policy, &ethereum)
                    .map_err(|failure| format!("under `{}`: {failure}", policy.name()))?;
                found.push((policy.name(), class));
            }
            Ok(found)
        },
        |event| {
            match event {
                Event::Unusable(error) => failures.push(error.to_string()),
                Event::Finished(results) => {
                    for (prepared, result) in results {
                        match result {
                            Ok(found) => found
                                .into_iter()
                                .for_each(|key| *classes.entry(key).or_default() += 1),
                            Err(failure) => failures.push(format!("{}: {failure}", prepared.case)),
                        }
                    }
                }
            }
            ControlFlow::Continue(())
        },
    );
    assert!(
        failures.is_empty(),
        "{} failed:\n{}",
        failures.len(),
        failures.join("\n")
    );
    for policy in policies {
        let counts = Class::ALL.map(|class| {
            let count = classes.get(&(policy.name(), class)).copied().unwrap_or(0);
            println!("under {}: {count} {}", policy.name(), class.description());
            count
        });
        assert_eq!(counts, EXPECTED, "{}", policy.name());
    }
}

/// Call-free, deferred and rejected cases of the tenth; they are the same under every policy.
const EXPECTED: [u64; 3] = [2990, 11_011, 621];

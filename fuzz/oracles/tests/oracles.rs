//! The generators make input that does things, and the oracles let pass what is right.

use deferevm::{Exit, keccak256};
use deferevm_oracles::{differential, parsers, schedule, synchronous_equivalence, tiers, words};

/// Byte strings of many lengths that follow from a name.
fn inputs(name: &str, count: usize, length_max: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut word = keccak256(name);
    (0..count).map(move |position| {
        let length = position * length_max / count;
        let mut bytes = Vec::with_capacity(length + 32);
        while bytes.len() <= length {
            word = keccak256(word);
            bytes.extend_from_slice(&word.0);
        }
        bytes.truncate(length);
        bytes
    })
}

#[test]
fn generated_transactions_do_things_and_agree_with_revm() {
    let mut sum = differential::Compared::default();
    for bytes in inputs("differential", 600, 2_000) {
        let compared = differential::check(&bytes);
        sum.valid += compared.valid;
        sum.succeeded += compared.succeeded;
        sum.refused += compared.refused;
        sum.logs += compared.logs;
        sum.slots += compared.slots;
    }
    assert!(sum.succeeded > 200, "{sum:?}");
    assert!(sum.valid > sum.succeeded + 100, "{sum:?}");
    assert!(sum.refused > 20, "{sum:?}");
    assert!(sum.logs > 50, "{sum:?}");
    assert!(sum.slots > 500, "{sum:?}");
}

#[test]
fn generated_programs_run_on_every_tier() {
    let (mut finished, mut long) = (0, 0);
    for bytes in inputs("tiers", 1_000, 500) {
        let (exit, spent) = tiers::check(&bytes);
        finished += usize::from(exit.is_some_and(Exit::is_success));
        long += usize::from(spent > 1_000);
    }
    assert!(finished > 100, "{finished} ended well");
    assert!(long > 100, "{long} took more than 1000 gas");
}

#[test]
fn generated_blocks_are_executed_as_the_reference_says() {
    inputs("schedule", 60, 2_000).for_each(|bytes| schedule::check(&bytes));
}

#[test]
fn most_generated_blocks_without_calls_are_valid_on_ethereum() {
    let inputs = inputs("synchronous", 120, 1_000);
    let valid = inputs.filter(|bytes| synchronous_equivalence::check(bytes));
    let valid = valid.count();
    assert!(valid > 40, "{valid}");
}

#[test]
fn words_agree_with_a_big_integer_library_at_the_edges() {
    for bytes in inputs("words", 3_000, 120) {
        words::check(&bytes);
    }
    let edges: Vec<[u8; 32]> = [
        "00", "01", "02", "1f", "20", "ff", "0100", "7f", "80", "ffff",
    ]
    .into_iter()
    .flat_map(|digits| {
        let low = format!("{digits:0>64}");
        let high = format!("{digits:0<64}");
        [low, high, "f".repeat(64), format!("7{}", "f".repeat(63))]
    })
    .map(|digits| {
        let mut word = [0; 32];
        for (byte, place) in word.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&digits[place..place + 2], 16).unwrap();
        }
        word
    })
    .collect();
    for a in &edges {
        for b in &edges {
            for c in &edges[..12] {
                words::check(&[&a[..], b, c].concat());
            }
        }
    }
}

#[test]
fn parsers_take_any_bytes() {
    for bytes in inputs("parsers", 500, 300) {
        parsers::fixture(&bytes);
        parsers::block_bundle(&bytes);
        parsers::transaction(&bytes);
    }
}

#[test]
fn a_message_about_a_document_is_one_short_line_whatever_its_names_are() {
    let long = "x".repeat(100_000);
    let lines = r"a\nb\u2028c\r";
    for name in [&*long, lines] {
        for text in [
            format!(r#"{{"{name}": 1}}"#),
            format!(r#"{{"{name}": {{"network": "{name}"}}}}"#),
            format!(r#"{{"a": {{"post": {{"{name}": []}}, "pre": 1}}}}"#),
            format!(r#"{{"a": "{name}"}}"#),
            format!(r#"{{"block": {{"{name}": 1}}, "fork": "{name}", "prestate": {{}}}}"#),
            format!(r#"{{"prestate": {{"{name}": 1}}}}"#),
        ] {
            parsers::fixture(text.as_bytes());
            parsers::block_bundle(text.as_bytes());
        }
    }
}

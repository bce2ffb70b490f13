//! The report that people read.

use std::{collections::BTreeMap, fmt, time::Duration};

use super::runs::{BlockRun, PolicyResult, PolicyRun};
use crate::{
    U256,
    block::{BlockOutcome, RoundOutcome},
    transaction::{Kind, Status},
};

/// Prints one block's run.
pub(super) struct Report<'a>(pub &'a BlockRun);

/// How many rounds are listed before the rest is summed up.
const ROUNDS_LISTED: usize = 20;
/// How many failure reasons are listed.
const REASONS_LISTED: usize = 6;
/// How many missing or differing places are named.
const NAMED: usize = 3;

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let run = self.0;
        writeln!(
            f,
            "block {} ({}, {}, {} transactions, gas limit {})",
            run.number,
            run.name,
            run.fork,
            run.transactions,
            grouped(run.gas_limit)
        )?;
        writeln!(
            f,
            "\n{:<12} {:>6} {:>8} {:>9} {:>7} {:>6} {:>12} {:>12} {:>7} {:>9} {:>9}",
            "policy",
            "rounds",
            "virtual",
            "succeeded",
            "failed",
            "trees",
            "gas",
            "bounced ETH",
            "bound",
            "1 worker",
            format!("{} workers", run.workers)
        )?;
        for policy in &run.policies {
            policy_line(f, policy)?;
        }
        let results = || {
            run.policies
                .iter()
                .filter_map(|run| run.result.as_ref().ok().map(|result| (run, result)))
        };
        for (policy, result) in results() {
            notes(f, policy, result)?;
        }
        if let Some((policy, result)) =
            results().rfind(|(policy, _)| policy.policy.deferred().is_some())
        {
            rounds(f, policy.name, result)?;
        }
        for (policy, result) in results() {
            reasons(f, policy.name, &result.outcome)?;
        }
        for (policy, result) in results() {
            divergence(f, policy.name, result)?;
        }
        writeln!(f)
    }
}

fn policy_line(f: &mut fmt::Formatter<'_>, run: &PolicyRun) -> fmt::Result {
    let result = match &run.result {
        Ok(result) => result,
        Err(error) => return writeln!(f, "{:<12} could not run: {error}", run.name),
    };
    let outcome = &result.outcome;
    let (succeeded, failed, skipped, refused) = outcome.counts();
    let trees = outcome
        .trees_succeeded
        .iter()
        .filter(|succeeded| **succeeded)
        .count();
    let bounced = outcome.receipts.iter().fold(U256::zero(), |sum, receipt| {
        sum.saturating_add(receipt.bounced)
    });
    writeln!(
        f,
        "{:<12} {:>6} {:>8} {:>9} {:>7} {:>6} {:>12} {:>12} {:>7.2} {:>9} {:>9}",
        run.name,
        outcome.rounds.len(),
        outcome.virtual_transactions(),
        succeeded,
        failed + skipped + refused,
        trees,
        grouped(outcome.gas_used),
        ether(bounced),
        outcome.parallelism_bound(),
        time(result.one_worker),
        time(result.all_workers),
    )
}

/// What stands under the table: the header's claims, skipped and refused ones, missing state.
fn notes(f: &mut fmt::Formatter<'_>, run: &PolicyRun, result: &PolicyResult) -> fmt::Result {
    let (_, _, skipped, refused) = result.outcome.counts();
    match &result.mismatches {
        Some(mismatches) if mismatches.is_empty() => {
            writeln!(
                f,
                "\n{}: gas used, logs bloom and receipts root are the header's, as far as it has them",
                run.name
            )?;
        }
        Some(mismatches) => {
            writeln!(f, "\n{}: NOT VERIFIED", run.name)?;
            mismatches
                .iter()
                .try_for_each(|mismatch| writeln!(f, "  {mismatch}"))?;
        }
        None => {}
    }
    if skipped + refused > 0 {
        writeln!(
            f,
            "\n{}: {skipped} originals skipped, {refused} records refused",
            run.name
        )?;
    }
    let is_synchronous = run.policy.deferred().is_none();
    if let Some(missing) = result.missing.as_ref().filter(|_| !is_synchronous)
        && (missing.reads() > 0 || !missing.codes.is_empty())
    {
        writeln!(
            f,
            "\n{}: {} reads outside the recorded state (accounts {}, slots {}, block hashes {}), {} codes known by hash only",
            run.name,
            missing.reads(),
            missing.accounts.len(),
            missing.slots.len(),
            missing.block_hashes.len(),
            missing.codes.len()
        )?;
        let accounts = missing
            .accounts
            .iter()
            .map(|address| format!("account {address:?}"));
        let slots = missing
            .slots
            .iter()
            .map(|(address, key)| format!("slot {address:?} {key:#x}"));
        let codes = missing.codes.iter().map(|hash| format!("code {hash:?}"));
        for named in [
            accounts.take(NAMED).collect::<Vec<_>>(),
            slots.take(NAMED).collect(),
            codes.take(NAMED).collect(),
        ] {
            named.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
        }
    }
    if result.outcome.exceeds_gas_limit && !is_synchronous {
        writeln!(
            f,
            "\n{}: the gas limits of the transactions sum to more than the block's",
            run.name
        )?;
    }
    Ok(())
}

fn rounds(f: &mut fmt::Formatter<'_>, name: &str, result: &PolicyResult) -> fmt::Result {
    let outcome = &result.outcome;
    writeln!(
        f,
        "\nrounds under {name}\n{:>5} {:>12} {:>8} {:>12} {:>8} {:>8}",
        "round", "transactions", "batches", "gas", "hottest", "failures"
    )?;
    let listed = outcome.rounds.iter().zip(&result.batches);
    for (round, batches) in listed.take(ROUNDS_LISTED) {
        let failures = outcome
            .receipts_of(round)
            .iter()
            .filter(|receipt| !receipt.status.is_success())
            .count();
        writeln!(
            f,
            "{:>5} {:>12} {:>8} {:>12} {:>7.1}% {:>8}",
            round.index,
            round.executed,
            batches,
            grouped(round.gas_used),
            100.0 * hottest_share(round),
            failures
        )?;
    }
    if let Some(rest) = outcome
        .rounds
        .get(ROUNDS_LISTED..)
        .filter(|rest| !rest.is_empty())
    {
        let transactions: usize = rest.iter().map(|round| round.executed).sum();
        let gas = rest.iter().map(|round| round.gas_used).sum();
        writeln!(
            f,
            "  and {} more rounds with {transactions} transactions and {} gas",
            rest.len(),
            grouped(gas)
        )?;
    }
    Ok(())
}

/// The share of a round's gas that the owners of its hottest account consumed.
pub(super) fn hottest_share(round: &RoundOutcome) -> f64 {
    match round.hottest {
        Some((_, gas)) if round.gas_used > 0 => gas as f64 / round.gas_used as f64,
        _ => 0.0,
    }
}

fn reasons(f: &mut fmt::Formatter<'_>, name: &str, outcome: &BlockOutcome) -> fmt::Result {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for receipt in &outcome.receipts {
        let what = match (&receipt.kind, &receipt.status) {
            (_, Status::Succeeded) => continue,
            (Kind::Original(_), _) => "original".to_owned(),
            (kind, _) => kind.to_string(),
        };
        let reason = receipt.status.reason().unwrap_or_default();
        *counts.entry(format!("{what}: {reason}")).or_default() += 1;
    }
    if counts.is_empty() {
        return Ok(());
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    writeln!(f, "\nfailures under {name}")?;
    for (reason, count) in counts.iter().take(REASONS_LISTED) {
        writeln!(f, "{count:>7}  {reason}")?;
    }
    let rest: usize = counts
        .iter()
        .skip(REASONS_LISTED)
        .map(|(_, count)| count)
        .sum();
    if rest > 0 {
        writeln!(f, "{rest:>7}  for other reasons")
    } else {
        Ok(())
    }
}

fn divergence(f: &mut fmt::Formatter<'_>, name: &str, result: &PolicyResult) -> fmt::Result {
    let Some(divergence) = &result.divergence else {
        return Ok(());
    };
    if divergence.is_empty() {
        return writeln!(f, "\n{name} differs from synchronous in nothing");
    }
    writeln!(
        f,
        "\n{name} differs from synchronous: {} roots in status, {} in their tree's logs, {} slots and {} balances in the end",
        divergence.statuses.len(),
        divergence.logs.len(),
        divergence.slots.len(),
        divergence.balances.len()
    )
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Wei as ether with four places.
fn ether(wei: U256) -> String {
    let tenthousandths = wei / U256::from(100_000_000_000_000u64);
    let (whole, part) = tenthousandths.div_mod(U256::from(10_000));
    format!("{whole}.{:04}", part.low_u64())
}

fn time(duration: Duration) -> String {
    let micros = duration.as_micros();
    match micros {
        0..=9_999 => format!("{micros} µs"),
        _ => format!("{:.1} ms", duration.as_secs_f64() * 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_by_three() {
        assert_eq!(
            [0, 999, 1000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
    }

    #[test]
    fn wei_print_as_ether() {
        assert_eq!(ether(U256::exp10(18) * 3 / 2), "1.5000");
        assert_eq!(ether(U256::zero()), "0.0000");
    }
}

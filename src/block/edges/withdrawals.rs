//! Withdrawals from the beacon chain (EIP-4895): balances grow, no code runs.

use super::Edge;
use crate::{block::Withdrawal, state::Fault};

/// Credits every withdrawal; one of nothing is a touch.
pub(super) fn pay(edge: &mut Edge<'_>, withdrawals: &[Withdrawal]) -> Result<(), Fault> {
    edge.begin();
    for withdrawal in withdrawals {
        edge.issue(withdrawal.address, withdrawal.wei())?;
    }
    edge.end();
    Ok(())
}

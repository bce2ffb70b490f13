//! The authorization list of a set-code transaction (EIP-7702), applied before its code runs.

use bytes::Bytes;

use super::{Authorization, execution::Original, intrinsic::AUTHORIZATION_GAS};
use crate::{Address, Code, U256, call::World, state::Fault};

/// What an authorization costs for an account that exists already; the rest of its price is refunded.
const EXISTING_ACCOUNT_GAS: u64 = 12_500;

/// Applies the tuples in order, skipping those that do not hold; the gas that they give back.
pub(super) fn apply_authorizations(
    world: &mut World<'_>,
    original: &Original,
) -> Result<u64, Fault> {
    let mut refund = 0;
    let tuples = &original.recovered.transaction.authorizations;
    for (tuple, authority) in tuples.iter().zip(&original.authorities) {
        if let Some(authority) = authority
            && may_apply(world, tuple)
        {
            refund += apply(world, tuple, *authority)?;
        }
    }
    Ok(refund)
}

fn may_apply(world: &World<'_>, tuple: &Authorization) -> bool {
    let is_for_this_chain =
        tuple.chain_id.is_zero() || tuple.chain_id == U256::from(world.block.chain_id);
    is_for_this_chain && tuple.nonce != u64::MAX
}

fn apply(world: &mut World<'_>, tuple: &Authorization, authority: Address) -> Result<u64, Fault> {
    let accessed = world.journal.access(world.state, authority, true);
    let (account, _) = world.unrefused(accessed)?;
    let code = world.journal.code(world.state, account);
    match world.unrefused(code) {
        Ok(code) if code.bytes().is_empty() || code.delegate().is_some() => {}
        Ok(_) | Err(Fault::CodeMissing(_)) => return Ok(0),
        Err(fault) => return Err(fault),
    }
    if world.journal.nonce_at(account) != tuple.nonce {
        return Ok(0);
    }
    let refund = match world.journal.account(account).info() {
        Some(_) => AUTHORIZATION_GAS - EXISTING_ACCOUNT_GAS,
        None => 0,
    };
    let set = world.journal.set_code(account, designator(tuple.address));
    world.unrefused(set)?;
    let bumped = world.journal.set_nonce(account, tuple.nonce + 1);
    world.unrefused(bumped)?;
    Ok(refund)
}

/// The code that delegates to an address; none where that is zero.
fn designator(address: Address) -> Code {
    if address.is_zero() {
        return Code::default();
    }
    let mut code = vec![0xef, 0x01, 0x00];
    code.extend_from_slice(address.as_bytes());
    Code::new(Bytes::from(code))
}

//! What a transaction, original or virtual, came to.

use std::fmt;

use bytes::Bytes;

use super::{Executed, InvalidTransaction, Original, TransactionType};
use crate::{Address, B256, Halt, Log, U256, in_place};

/// The result of one transaction, those skipped and refused included (semantics, section 9).
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// The transaction's identity: its hash, or the record's id.
    pub id: B256,
    /// Who emitted it; `None` for an original transaction.
    pub parent: Option<B256>,
    /// The position in the block of the original transaction that caused it.
    pub root: u32,
    /// 0 for original transactions.
    pub round: u32,
    /// The emission index; an original's position in the block.
    pub index: u64,
    /// What it is.
    pub kind: Kind,
    /// The signer, or the record's sender.
    pub sender: Address,
    /// The account that it ran as; for a creation the new one.
    pub target: Address,
    /// How it ended.
    pub status: Status,
    /// Gas consumed by this transaction alone, before refunds.
    pub gas_used: u64,
    /// Wei that went back to the record's sender.
    pub bounced: U256,
    /// In the order in which they were emitted; empty unless it succeeded.
    pub logs: Vec<Log>,
    /// What it returned or reverted with. Nobody waits for it under deferral, and no root commits to
    /// it; it is kept for those who study what callers would have seen.
    pub output: Bytes,
    /// The contract that it created.
    pub created: Option<Address>,
    /// On original transactions: gas paid for the whole tree, after refunds.
    pub tree_gas_used: Option<u64>,
}

/// What a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A transaction of the block.
    Original(TransactionType),
    /// A deferred call.
    Virtual {
        /// What emitted it.
        opcode: u8,
        /// Whether it ran static.
        is_static: bool,
    },
}

/// How a transaction ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// Its changes stand.
    Succeeded,
    /// REVERT.
    Reverted,
    /// An exceptional halt.
    Halted(Halt),
    /// An original that breaks a rule of validity; it left no trace.
    Skipped(Box<InvalidTransaction>),
    /// A record beyond a limit; its value was returned.
    Refused(Limit),
}

/// A limit that a record can be beyond (semantics, section 8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Rounds of a block.
    Rounds,
    /// Records of a block.
    Records,
    /// Bytes of the records' input of a block.
    Input,
}

impl Receipt {
    /// The receipt of an original transaction that has run, which is left without its logs and output. What
    /// its tree has used is 0 until it is known.
    #[inline]
    pub fn of_original(position: u32, original: &Original, executed: &mut Executed) -> Self {
        let target = original.target();
        Self {
            id: original.recovered.hash,
            parent: None,
            root: position,
            round: 0,
            index: u64::from(position),
            kind: Kind::Original(original.recovered.transaction.kind),
            sender: original.recovered.sender,
            target,
            status: executed.take_status(),
            gas_used: executed.gas_used,
            bounced: U256::zero(),
            logs: in_place::take_list(&mut executed.effects.logs),
            output: in_place::take_bytes(&mut executed.output),
            created: executed.created.is_some().then_some(target),
            tree_gas_used: Some(executed.gas_paid().unwrap_or(0)),
        }
    }
}

impl Status {
    /// Whether its changes stand.
    pub fn is_success(&self) -> bool {
        matches!(self, Status::Succeeded)
    }

    /// One word for what happened: `success`, `revert`, `halt`, `skipped` or `refused`.
    pub fn word(&self) -> &'static str {
        match self {
            Status::Succeeded => "success",
            Status::Reverted => "revert",
            Status::Halted(_) => "halt",
            Status::Skipped(_) => "skipped",
            Status::Refused(_) => "refused",
        }
    }

    /// Why it did not succeed.
    pub fn reason(&self) -> Option<String> {
        match self {
            Status::Succeeded => None,
            Status::Reverted => Some("reverted".to_owned()),
            Status::Halted(halt) => Some(halt.to_string()),
            Status::Skipped(error) => Some(error.to_string()),
            Status::Refused(limit) => Some(limit.to_string()),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Limit::Rounds => "beyond the limit of rounds",
            Limit::Records => "beyond the limit of records",
            Limit::Input => "beyond the limit of input",
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kind::Original(kind) => write!(f, "{kind}"),
            Kind::Virtual { opcode, is_static } => {
                let name = crate::opcode::name(*opcode).unwrap_or("?");
                if *is_static {
                    write!(f, "static {name}")
                } else {
                    f.write_str(name)
                }
            }
        }
    }
}

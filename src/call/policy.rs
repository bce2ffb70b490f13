//! The call policies, and the settings that they are presets of (semantics, section 7).

use std::{fmt, str::FromStr};

use crate::{CallKind, CallMessage, U256};

/// What becomes of calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Ethereum itself: calls are entered at once.
    Synchronous,
    /// Calls become virtual transactions, by these rules.
    Deferred(DeferredRules),
}

/// How calls are deferred; every cell of the policies' table is a setting of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeferredRules {
    /// STATICCALL, and in a static frame CALL and CALLCODE.
    pub static_calls: Treatment,
    /// DELEGATECALL, and CALLCODE outside static frames.
    pub delegate_calls: Treatment,
    /// In which order the records of a round run.
    pub order: Order,
    /// Where a record's gas comes from.
    pub gas: GasRule,
    /// What the emitter sees returned.
    pub returndata: ReturnData,
}

/// What becomes of one kind of call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// It becomes a virtual transaction of the next round.
    Defer,
    /// It is entered at once, and reads accounts that are not owned as of the round's start.
    Inline,
}

/// The key by which a round's records are sorted; creations come first under each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// (parent id, emission index).
    Parent,
    /// id.
    Hash,
    /// keccak256(the word that opcode 0x44 returns ‖ id).
    Seeded,
    /// (the parent's position in its round, emission index).
    Fifo,
}

/// Where a record's gas comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GasRule {
    /// What the emitting transaction has left is shared among its records.
    Split,
    /// What Ethereum's call would take leaves the frame at the emission.
    Lock,
}

/// What a frame sees returned by a call that it deferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReturnData {
    /// Nothing.
    Empty,
    /// This word, after CALL and CALLCODE.
    Word(U256),
}

impl Policy {
    /// The post's literal rules: everything is deferred, hash order, gas locked at the emission.
    pub const fn seed() -> Self {
        Policy::Deferred(DeferredRules {
            static_calls: Treatment::Defer,
            delegate_calls: Treatment::Defer,
            order: Order::Hash,
            gas: GasRule::Lock,
            returndata: ReturnData::Empty,
        })
    }

    /// What today's contracts get along with best: reads and delegations stay inline, a transaction's
    /// own calls keep their order, their gas is what it leaves over, and they return `true`.
    pub const fn practical() -> Self {
        Policy::Deferred(DeferredRules {
            static_calls: Treatment::Inline,
            delegate_calls: Treatment::Inline,
            order: Order::Parent,
            gas: GasRule::Split,
            returndata: ReturnData::Word(U256([1, 0, 0, 0])),
        })
    }

    /// The rules of deferral, if calls are deferred.
    pub const fn deferred(&self) -> Option<&DeferredRules> {
        match self {
            Policy::Synchronous => None,
            Policy::Deferred(rules) => Some(rules),
        }
    }

    /// The preset's name, or `custom` for settings that are no preset's.
    pub fn name(&self) -> &'static str {
        match self {
            Policy::Synchronous => "synchronous",
            policy if *policy == Policy::seed() => "seed",
            policy if *policy == Policy::practical() => "practical",
            Policy::Deferred(_) => "custom",
        }
    }
}

impl DeferredRules {
    /// What becomes of a call to code that is no precompile's.
    pub fn treatment(&self, message: &CallMessage) -> Treatment {
        match message.kind {
            CallKind::StaticCall => self.static_calls,
            CallKind::DelegateCall => self.delegate_calls,
            CallKind::Call | CallKind::CallCode if message.is_static => self.static_calls,
            CallKind::CallCode => self.delegate_calls,
            CallKind::Call => Treatment::Defer,
        }
    }
}

/// A word that is none of a setting's values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{found}`: expected {expected}")]
pub struct UnknownSetting {
    what: &'static str,
    found: String,
    expected: &'static str,
}

impl FromStr for Policy {
    type Err = UnknownSetting;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "synchronous" => Ok(Policy::Synchronous),
            "seed" => Ok(Policy::seed()),
            "practical" => Ok(Policy::practical()),
            _ => Err(UnknownSetting {
                what: "policy",
                found: text.to_owned(),
                expected: "synchronous, seed or practical",
            }),
        }
    }
}

impl FromStr for Order {
    type Err = UnknownSetting;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "parent" => Ok(Order::Parent),
            "hash" => Ok(Order::Hash),
            "seeded" => Ok(Order::Seeded),
            "fifo" => Ok(Order::Fifo),
            _ => Err(UnknownSetting {
                what: "order",
                found: text.to_owned(),
                expected: "parent, hash, seeded or fifo",
            }),
        }
    }
}

impl FromStr for GasRule {
    type Err = UnknownSetting;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "split" => Ok(GasRule::Split),
            "lock" => Ok(GasRule::Lock),
            _ => Err(UnknownSetting {
                what: "gas rule",
                found: text.to_owned(),
                expected: "split or lock",
            }),
        }
    }
}

impl FromStr for ReturnData {
    type Err = UnknownSetting;

    /// `empty`, `word` (which is 1), or `word(N)` with N in decimal or 0x-hex.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownSetting {
            what: "returndata",
            found: text.to_owned(),
            expected: "empty, word, or word(N) with N below 2^256 in decimal or 0x-hex",
        };
        if text == "empty" {
            return Ok(ReturnData::Empty);
        }
        let word = match text.strip_prefix("word").ok_or_else(unknown)? {
            "" => return Ok(ReturnData::Word(U256::one())),
            rest => rest
                .strip_prefix('(')
                .and_then(|rest| rest.strip_suffix(')'))
                .ok_or_else(unknown)?,
        };
        let parsed = match word.strip_prefix("0x") {
            Some(hex) => U256::from_str_radix(hex, 16).ok(),
            None => U256::from_dec_str(word).ok(),
        };
        parsed.map(ReturnData::Word).ok_or_else(unknown)
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Order::Parent => "parent",
            Order::Hash => "hash",
            Order::Seeded => "seeded",
            Order::Fifo => "fifo",
        })
    }
}

impl fmt::Display for GasRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GasRule::Split => "split",
            GasRule::Lock => "lock",
        })
    }
}

impl fmt::Display for ReturnData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReturnData::Empty => f.write_str("empty"),
            ReturnData::Word(word) => write!(f, "word({word})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back_what_they_print() {
        for order in [Order::Parent, Order::Hash, Order::Seeded, Order::Fifo] {
            assert_eq!(order.to_string().parse(), Ok(order));
        }
        for gas in [GasRule::Split, GasRule::Lock] {
            assert_eq!(gas.to_string().parse(), Ok(gas));
        }
        for returndata in [
            ReturnData::Empty,
            ReturnData::Word(U256::one()),
            ReturnData::Word(U256::MAX),
        ] {
            assert_eq!(returndata.to_string().parse(), Ok(returndata));
        }
        assert_eq!("word(0xff)".parse(), Ok(ReturnData::Word(U256::from(255))));
        for policy in [Policy::Synchronous, Policy::seed(), Policy::practical()] {
            assert_eq!(policy.name().parse(), Ok(policy));
        }
    }

    #[test]
    fn an_unknown_setting_is_named_with_what_was_expected() {
        let error = "word(x)".parse::<ReturnData>().unwrap_err().to_string();
        assert!(
            error.starts_with("unknown returndata `word(x)`: expected"),
            "{error}"
        );
        assert!("suspended".parse::<Policy>().is_err());
    }
}

//! The forks of Ethereum's execution layer, in the order of their activation.
//!
//! Owns names and order only: what a fork changes stands in the opcode table, the gas schedule
//! and the transaction rules, each beside the thing that changes.

use core::{fmt, str::FromStr};

/// A set of protocol rules, ordered by activation on mainnet.
///
/// Forks that changed nothing in execution (the difficulty-bomb delays) are listed because blocks
/// and fixtures name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Fork {
    /// 2015-07-30, block 0.
    Frontier,
    /// 2016-03-14, block 1,150,000: EIP-2, EIP-7.
    Homestead,
    /// 2016-10-18, block 2,463,000: EIP-150.
    TangerineWhistle,
    /// 2016-11-22, block 2,675,000: EIP-155, EIP-160, EIP-161, EIP-170.
    SpuriousDragon,
    /// 2017-10-16, block 4,370,000.
    Byzantium,
    /// Never ran alone on mainnet; the fixtures test it: EIP-145, EIP-1014, EIP-1052, EIP-1283.
    Constantinople,
    /// 2019-02-28, block 7,280,000: Constantinople without EIP-1283.
    Petersburg,
    /// 2019-12-08, block 9,069,000.
    Istanbul,
    /// 2020-01-02, block 9,200,000: difficulty bomb only.
    MuirGlacier,
    /// 2021-04-15, block 12,244,000: EIP-2565, EIP-2929, EIP-2930.
    Berlin,
    /// 2021-08-05, block 12,965,000: EIP-1559, EIP-3198, EIP-3529, EIP-3541.
    London,
    /// 2021-12-09, block 13,773,000: difficulty bomb only.
    ArrowGlacier,
    /// 2022-06-30, block 15,050,000: difficulty bomb only.
    GrayGlacier,
    /// 2022-09-15, block 15,537,394: the Merge, EIP-3675, EIP-4399.
    Paris,
    /// 2023-04-12: EIP-3651, EIP-3855, EIP-3860, EIP-4895.
    Shanghai,
    /// 2024-03-13: EIP-1153, EIP-4788, EIP-4844, EIP-5656, EIP-6780, EIP-7516.
    Cancun,
    /// 2025-05-07: EIP-2537, EIP-2935, EIP-7002, EIP-7251, EIP-7623, EIP-7691, EIP-7702.
    Prague,
    /// 2025-12-03: EIP-7594, EIP-7823, EIP-7825, EIP-7883, EIP-7918, EIP-7934, EIP-7939, EIP-7951.
    Osaka,
}

impl Fork {
    /// Every fork, oldest first.
    pub const ALL: [Fork; 18] = [
        Fork::Frontier,
        Fork::Homestead,
        Fork::TangerineWhistle,
        Fork::SpuriousDragon,
        Fork::Byzantium,
        Fork::Constantinople,
        Fork::Petersburg,
        Fork::Istanbul,
        Fork::MuirGlacier,
        Fork::Berlin,
        Fork::London,
        Fork::ArrowGlacier,
        Fork::GrayGlacier,
        Fork::Paris,
        Fork::Shanghai,
        Fork::Cancun,
        Fork::Prague,
        Fork::Osaka,
    ];

    /// The newest fork whose rules are final.
    pub const LATEST: Fork = Fork::Osaka;

    /// The number of forks.
    pub const COUNT: usize = Self::ALL.len();

    /// The name in one word, as it is written in code.
    pub const fn name(self) -> &'static str {
        match self {
            Fork::Frontier => "Frontier",
            Fork::Homestead => "Homestead",
            Fork::TangerineWhistle => "TangerineWhistle",
            Fork::SpuriousDragon => "SpuriousDragon",
            Fork::Byzantium => "Byzantium",
            Fork::Constantinople => "Constantinople",
            Fork::Petersburg => "Petersburg",
            Fork::Istanbul => "Istanbul",
            Fork::MuirGlacier => "MuirGlacier",
            Fork::Berlin => "Berlin",
            Fork::London => "London",
            Fork::ArrowGlacier => "ArrowGlacier",
            Fork::GrayGlacier => "GrayGlacier",
            Fork::Paris => "Paris",
            Fork::Shanghai => "Shanghai",
            Fork::Cancun => "Cancun",
            Fork::Prague => "Prague",
            Fork::Osaka => "Osaka",
        }
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no fork's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown fork `{0}`: expected one of Frontier, Homestead, TangerineWhistle (EIP150), SpuriousDragon (EIP158), Byzantium, Constantinople, Petersburg (ConstantinopleFix), Istanbul, MuirGlacier, Berlin, London, ArrowGlacier, GrayGlacier, Paris (Merge), Shanghai, Cancun, Prague, Osaka"
)]
pub struct UnknownFork(pub String);

impl FromStr for Fork {
    type Err = UnknownFork;

    /// Reads a fork's name in any case, with or without spaces, and the aliases that the
    /// ethereum/tests fixtures use (`EIP150`, `EIP158`, `ConstantinopleFix`, `Merge`).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let folded: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | '_' | '-'))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        match folded.as_str() {
            "eip150" => return Ok(Fork::TangerineWhistle),
            "eip158" => return Ok(Fork::SpuriousDragon),
            "constantinoplefix" => return Ok(Fork::Petersburg),
            "merge" => return Ok(Fork::Paris),
            _ => {}
        }
        Fork::ALL
            .into_iter()
            .find(|fork| fork.name().eq_ignore_ascii_case(&folded))
            .ok_or_else(|| UnknownFork(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fork_reads_back_its_own_name() {
        for fork in Fork::ALL {
            assert_eq!(fork.name().parse(), Ok(fork));
            assert_eq!(fork.name().to_uppercase().parse(), Ok(fork));
        }
    }

    #[test]
    fn forks_are_ordered_by_activation() {
        assert!(Fork::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(
            Fork::ALL
                .iter()
                .enumerate()
                .all(|(index, fork)| *fork as usize == index)
        );
    }

    #[test]
    fn fixture_aliases_are_known_and_others_are_named_in_the_error() {
        assert_eq!("EIP158".parse(), Ok(Fork::SpuriousDragon));
        assert_eq!("ConstantinopleFix".parse(), Ok(Fork::Petersburg));
        assert_eq!("Tangerine Whistle".parse(), Ok(Fork::TangerineWhistle));
        let error = "Amsterdam".parse::<Fork>().unwrap_err();
        assert!(error.to_string().starts_with("unknown fork `Amsterdam`"));
    }
}

//! Which ommers a block may name (Yellow Paper, section 11.1).
//!
//! Owns the rules; where ancestors come from is told by the caller, rewards are in `edges`.

use super::{
    header::{Header, HeaderRules, validate},
    invalid::InvalidBlock,
};
use crate::B256;

/// The most ommers of a block.
pub const OMMERS_MAX: usize = 2;

/// How many generations an ommer can be behind.
pub const OMMER_DEPTH_MAX: u64 = 6;

/// Why an ommer may not be part of a block.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidOmmer {
    /// It stands twice in the block.
    #[error("is a duplicate")]
    Duplicate,
    /// An ancestor of the block, or one in the last generations, has it already.
    #[error("was included before")]
    Included,
    /// It is an ancestor of the block.
    #[error("is an ancestor")]
    Ancestor,
    /// It is too old, or as young as the block.
    #[error("number is {found}, the block's {block}: expected 1 to {OMMER_DEPTH_MAX} less")]
    Depth {
        /// The ommer's height.
        found: u64,
        /// The block's height.
        block: u64,
    },
    /// It has the block's own parent.
    #[error("is a sibling of the block")]
    Sibling,
    /// Its parent is no ancestor of the block.
    #[error("parent {hash:?} is no ancestor of the last generations")]
    Parent {
        /// The parent's hash.
        hash: B256,
    },
    /// Its header may not follow its parent's.
    #[error("{0}")]
    Header(InvalidBlock),
}

/// An ancestor of a block, as far as the rules of ommers look at it.
#[derive(Clone, Debug)]
pub struct Ancestor<'a> {
    /// Its header.
    pub header: &'a Header,
    /// The hashes of its ommers.
    pub ommers: &'a [B256],
    /// The rules that its children's headers are measured by.
    pub rules: HeaderRules,
}

/// Checks a block's ommers. `ancestors` are the block's, parent first, as many as there are of
/// `OMMER_DEPTH_MAX` + 1.
///
/// # Errors
/// The first rule that is broken.
pub fn validate_ommers(
    block: &Header,
    ommers: &[Header],
    ancestors: &[Ancestor<'_>],
) -> Result<(), InvalidBlock> {
    if ommers.len() > OMMERS_MAX {
        return Err(InvalidBlock::TooManyOmmers {
            found: ommers.len(),
            max: OMMERS_MAX,
        });
    }
    for (index, ommer) in ommers.iter().enumerate() {
        let is_duplicate = ommers[..index].iter().any(|other| other.hash == ommer.hash);
        let checked = if is_duplicate {
            Err(InvalidOmmer::Duplicate)
        } else {
            validate_ommer(block, ommer, ancestors)
        };
        checked.map_err(|error| InvalidBlock::Ommer {
            index,
            error: Box::new(error),
        })?;
    }
    Ok(())
}

fn validate_ommer(
    block: &Header,
    ommer: &Header,
    ancestors: &[Ancestor<'_>],
) -> Result<(), InvalidOmmer> {
    if ancestors
        .iter()
        .any(|ancestor| ancestor.header.hash == ommer.hash)
    {
        return Err(InvalidOmmer::Ancestor);
    }
    if ancestors
        .iter()
        .any(|ancestor| ancestor.ommers.contains(&ommer.hash))
    {
        return Err(InvalidOmmer::Included);
    }
    let depth = block.number.checked_sub(ommer.number);
    if !depth.is_some_and(|depth| (1..=OMMER_DEPTH_MAX).contains(&depth)) {
        return Err(InvalidOmmer::Depth {
            found: ommer.number,
            block: block.number,
        });
    }
    if ommer.parent_hash == block.parent_hash {
        return Err(InvalidOmmer::Sibling);
    }
    let parent = ancestors
        .iter()
        .find(|ancestor| ancestor.header.hash == ommer.parent_hash)
        .ok_or(InvalidOmmer::Parent {
            hash: ommer.parent_hash,
        })?;
    validate(ommer, parent.header, &parent.rules).map_err(InvalidOmmer::Header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Fork;

    const RULES: HeaderRules = HeaderRules {
        fork: Fork::Homestead,
        blob_schedule: None,
        dao_fork: None,
    };

    fn header(number: u64, hash: u8, parent: u8) -> Header {
        Header {
            hash: B256::repeat_byte(hash),
            parent_hash: B256::repeat_byte(parent),
            number,
            timestamp: number * 10,
            gas_limit: 5_000_000,
            difficulty: 131_072.into(),
            ..Header::default()
        }
    }

    /// Checks ommers of block 9, whose ancestors 8, 7, … 2 have their numbers as hashes; 8 names 0xee.
    fn check(ommers: &[Header]) -> Result<(), InvalidBlock> {
        let headers: Vec<Header> = (2..=8u8)
            .rev()
            .map(|number| header(number.into(), number, number - 1))
            .collect();
        let included = [B256::repeat_byte(0xee)];
        let ancestors: Vec<Ancestor<'_>> = headers
            .iter()
            .map(|header| Ancestor {
                header,
                ommers: if header.number == 8 { &included } else { &[] },
                rules: RULES,
            })
            .collect();
        validate_ommers(&header(9, 9, 8), ommers, &ancestors)
    }

    fn fault(ommer: Header) -> InvalidOmmer {
        match check(&[ommer]) {
            Err(InvalidBlock::Ommer { error, .. }) => *error,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_ommer_of_one_to_six_generations_is_accepted() {
        for number in 3..=8u8 {
            assert_eq!(
                check(&[header(number.into(), 0xaa, number - 1)]),
                Ok(()),
                "{number}"
            );
        }
    }

    #[test]
    fn every_rule_has_its_error() {
        let old = fault(header(2, 0xaa, 1));
        assert_eq!(old, InvalidOmmer::Depth { found: 2, block: 9 });
        assert_eq!(fault(header(7, 7, 6)), InvalidOmmer::Ancestor);
        assert_eq!(fault(header(8, 0xee, 7)), InvalidOmmer::Included);
        assert!(matches!(
            fault(header(9, 0xaa, 8)),
            InvalidOmmer::Depth { .. }
        ));
        assert_eq!(fault(header(8, 0xaa, 8)), InvalidOmmer::Sibling);
        assert!(matches!(
            fault(header(8, 0xaa, 0xbb)),
            InvalidOmmer::Parent { .. }
        ));
        assert!(matches!(fault(header(8, 0xaa, 6)), InvalidOmmer::Header(_)));
        let ommer = header(8, 0xaa, 7);
        assert!(matches!(
            check(&[ommer.clone(), ommer.clone()]),
            Err(InvalidBlock::Ommer { index: 1, error }) if *error == InvalidOmmer::Duplicate
        ));
        assert!(matches!(
            check(&[ommer.clone(), ommer.clone(), ommer]),
            Err(InvalidBlock::TooManyOmmers { found: 3, max: 2 })
        ));
    }
}

//! What is known of points of BN254 that have been used before.

use ark_bn254::Bn254;
use ark_ec::pairing::Pairing;

use super::multiples::Multiples;
use crate::state::{Map, Set};

/// A prepared point of the twist: the lines that a pairing evaluates, 18 KiB.
pub(super) type Lines = <Bn254 as Pairing>::G2Prepared;

/// What is known of points that a block has used before. Those of a verifier's key come with every proof.
#[derive(Debug, Default)]
pub struct Points {
    /// Those that have been multiplied.
    pub(super) multiplied: Set<[u8; 64]>,
    /// Of those that have been multiplied again.
    pub(super) multiples: Map<[u8; 64], Multiples>,
    /// Of those of the twist, which are in the subgroup.
    pub(super) lines: Map<[u8; 128], Lines>,
}

impl Points {
    /// 64 KiB of points, 576 KiB of multiples, and as much of lines.
    pub(super) const MULTIPLIED_MAX: usize = 1024;
    pub(super) const MULTIPLES_MAX: usize = 128;
    pub(super) const LINES_MAX: usize = 32;

    /// Whether a point has been multiplied before. From now on it has.
    pub(super) fn is_multiplied_again(&mut self, name: [u8; 64]) -> bool {
        if self.multiplied.len() == Self::MULTIPLIED_MAX {
            self.multiplied.clear();
        }
        !self.multiplied.insert(name)
    }

    pub(super) fn keep_multiples(&mut self, name: [u8; 64], multiples: Multiples) {
        keep(&mut self.multiples, Self::MULTIPLES_MAX, name, multiples);
    }

    pub(super) fn keep_lines(&mut self, name: [u8; 128], lines: Lines) {
        keep(&mut self.lines, Self::LINES_MAX, name, lines);
    }
}

/// Adds what is known of a point; if that would be too many, all others are forgotten first.
fn keep<const N: usize, T>(known: &mut Map<[u8; N], T>, max: usize, name: [u8; N], what: T) {
    if known.len() == max {
        known.clear();
    }
    known.insert(name, what);
}

//! When the forks began on Ethereum's mainnet.
//!
//! Owns the table only, from the EIPs' meta documents; other chains name their fork themselves.

use deferevm_opcodes::Fork;

use crate::transaction::BlobSchedule;

/// Mainnet's EIP-155 chain id.
pub const CHAIN_ID: u64 = 1;

/// Forks that began at a height, newest first.
const BY_NUMBER: [(u64, Fork); 13] = [
    (15_537_394, Fork::Paris),
    (15_050_000, Fork::GrayGlacier),
    (13_773_000, Fork::ArrowGlacier),
    (12_965_000, Fork::London),
    (12_244_000, Fork::Berlin),
    (9_200_000, Fork::MuirGlacier),
    (9_069_000, Fork::Istanbul),
    (7_280_000, Fork::Petersburg),
    (4_370_000, Fork::Byzantium),
    (2_675_000, Fork::SpuriousDragon),
    (2_463_000, Fork::TangerineWhistle),
    (1_150_000, Fork::Homestead),
    (0, Fork::Frontier),
];

/// Forks that began at a time, in seconds since the Unix epoch, newest first.
const BY_TIMESTAMP: [(u64, Fork); 4] = [
    (1_764_798_551, Fork::Osaka),
    (1_746_612_311, Fork::Prague),
    (1_710_338_135, Fork::Cancun),
    (1_681_338_455, Fork::Shanghai),
];

/// Blob schedules that began without a fork of their own (EIP-7892), newest first.
const BLOB_PARAMETERS: [(u64, BlobSchedule); 2] = [
    (1_767_747_671, BlobSchedule::BPO2),
    (1_765_290_071, BlobSchedule::BPO1),
];

/// The fork of a block.
pub fn fork(number: u64, timestamp: u64) -> Fork {
    let by_time = BY_TIMESTAMP
        .iter()
        .find(|(start, _)| timestamp >= *start)
        .map(|(_, fork)| *fork);
    by_time.unwrap_or_else(|| {
        BY_NUMBER
            .iter()
            .find(|(start, _)| number >= *start)
            .map_or(Fork::Frontier, |(_, fork)| *fork)
    })
}

/// The blob schedule of a block; `None` before Cancun.
pub fn blob_schedule(fork: Fork, timestamp: u64) -> Option<BlobSchedule> {
    BLOB_PARAMETERS
        .iter()
        .find(|(start, _)| timestamp >= *start)
        .map(|(_, schedule)| *schedule)
        .or_else(|| BlobSchedule::of(fork))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_begins_with_its_block() {
        assert_eq!(fork(1_149_999, 1_457_981_342), Fork::Frontier);
        assert_eq!(fork(1_150_000, 1_457_981_393), Fork::Homestead);
        assert_eq!(fork(15_537_393, 1_663_224_162), Fork::GrayGlacier);
        assert_eq!(fork(15_537_394, 1_663_224_179), Fork::Paris);
        assert_eq!(fork(17_034_869, 1_681_338_443), Fork::Paris);
        assert_eq!(fork(17_034_870, 1_681_338_455), Fork::Shanghai);
        assert_eq!(fork(23_879_620, 1_764_120_059), Fork::Prague);
    }

    #[test]
    fn blob_parameters_change_between_forks() {
        assert_eq!(blob_schedule(Fork::Shanghai, 1_700_000_000), None);
        assert_eq!(
            blob_schedule(Fork::Osaka, 1_764_798_551),
            Some(BlobSchedule::PRAGUE)
        );
        assert_eq!(
            blob_schedule(Fork::Osaka, 1_765_290_071),
            Some(BlobSchedule::BPO1)
        );
        assert_eq!(
            blob_schedule(Fork::Osaka, 1_770_000_000),
            Some(BlobSchedule::BPO2)
        );
    }
}

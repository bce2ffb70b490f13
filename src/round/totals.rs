//! What a block's transactions ask for together. It is counted as they are listed: to look at each of them once more would
//! take a twentieth of a large block.

use crate::transaction::{InvalidTransaction, Transaction};

/// What some transactions ask for, in the order of their positions.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    /// The sum of their gas limits.
    pub gas_limits: u128,
    blob_gas: u64,
    /// The positions of those with blobs, and the blob gas of all before each, skipped or not.
    with_blobs: Vec<(u32, u64)>,
}

impl Totals {
    /// Counts the transaction at a position, behind all that have been counted.
    #[inline]
    pub fn count(&mut self, position: u32, transaction: &Transaction) {
        self.gas_limits += u128::from(transaction.gas_limit);
        let blob_gas = transaction.blob_gas();
        if blob_gas > 0 {
            self.with_blobs.push((position, self.blob_gas));
            self.blob_gas = self.blob_gas.saturating_add(blob_gas);
        }
    }

    /// Adds what later ones ask for.
    pub fn append(&mut self, later: Self) {
        let before = self.blob_gas;
        let with_blobs = later.with_blobs.into_iter();
        let with_blobs =
            with_blobs.map(|(position, blob_gas)| (position, before.saturating_add(blob_gas)));
        self.with_blobs.extend(with_blobs);
        self.blob_gas = before.saturating_add(later.blob_gas);
        self.gas_limits += later.gas_limits;
    }

    /// Whether a block that may carry so much blob gas has some left for a transaction that has been counted
    /// (semantics, section 8).
    ///
    /// # Errors
    /// How much it carries, and how much is left.
    #[inline]
    pub fn check_blob_gas(
        &self,
        position: u32,
        transaction: &Transaction,
        max: u64,
    ) -> Result<(), InvalidTransaction> {
        let found = transaction.blob_gas();
        if found == 0 {
            return Ok(());
        }
        let left = max.saturating_sub(self.blob_gas_before(position));
        if found > left {
            return Err(InvalidTransaction::BlobGasAboveBlock { found, left });
        }
        Ok(())
    }

    fn blob_gas_before(&self, position: u32) -> u64 {
        let earlier = self.with_blobs.partition_point(|(at, _)| *at < position);
        let known = self.with_blobs.get(earlier);
        known.map_or(self.blob_gas, |(_, before)| *before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{B256, transaction::blob::GAS_PER_BLOB};

    fn transaction(blobs: usize) -> Transaction {
        Transaction {
            gas_limit: 21_000,
            blob_hashes: vec![B256::zero(); blobs],
            ..Transaction::default()
        }
    }

    #[test]
    fn blob_gas_left_is_what_all_before_have_left_however_they_were_counted() {
        let blobs = [0, 2, 0, 1, 3, 0, 1, 9, 1];
        let max = 7 * GAS_PER_BLOB;
        for cut in 0..=blobs.len() {
            let mut parts = [Totals::default(), Totals::default()];
            for (position, blobs) in (0u32..).zip(blobs) {
                let part = usize::from(position as usize >= cut);
                parts[part].count(position, &transaction(blobs));
            }
            let [mut totals, later] = parts;
            totals.append(later);
            assert_eq!(totals.gas_limits, 9 * 21_000);
            let mut left = max;
            for (position, blobs) in (0u32..).zip(blobs) {
                let found = blobs as u64 * GAS_PER_BLOB;
                let expected = if found > left {
                    Err(InvalidTransaction::BlobGasAboveBlock { found, left })
                } else {
                    Ok(())
                };
                let checked = totals.check_blob_gas(position, &transaction(blobs), max);
                assert_eq!(checked, expected, "{position}, cut at {cut}");
                left = left.saturating_sub(found);
            }
        }
    }
}

//! A chain of blocks on states in memory: importing, and the choice of the head.
//!
//! Keeps the state after every block, so that a block may follow any other; it is made for tests,
//! not for long chains.

use std::{collections::HashMap, convert::Infallible, sync::Arc};

use bytes::Bytes;

use super::{
    Block, BlockError,
    edges::Requests,
    header::{Header, HeaderRules, validate},
    invalid::InvalidBlock,
    network::{Moment, Network, Stage},
    ommers::{Ancestor, OMMER_DEPTH_MAX, validate_ommers},
    receipts::{Outcome, TrieReceipt},
    sealed::{Results, SealedBlock},
    sequential::{self, SequentialReceipt},
};
use crate::{
    B256, Evm, Fork, U256,
    state::{InMemoryDatabase, StateChanges, roots::state_root},
};

/// Why a block could not be imported.
pub type ImportError = BlockError<Infallible>;

/// A chain from its genesis block on.
#[derive(Debug)]
pub struct Chain {
    network: Network,
    blocks: HashMap<B256, Imported>,
    head: B256,
}

/// A block that was found valid.
#[derive(Clone, Debug)]
pub struct Imported {
    /// Its header.
    pub header: Header,
    /// The state after it.
    pub state: Arc<InMemoryDatabase>,
    /// What its transactions came to.
    pub receipts: Vec<SequentialReceipt>,
    /// The sum of the difficulties up to it.
    pub total_difficulty: U256,
    ommers: Vec<B256>,
    is_merged: bool,
}

impl Chain {
    /// A chain with its genesis block only, whose state root is not checked here.
    pub fn new(network: Network, genesis: Header, mut state: InMemoryDatabase) -> Self {
        state.insert_block_hash(genesis.number, genesis.hash);
        let head = genesis.hash;
        let moment = Moment {
            number: genesis.number,
            timestamp: genesis.timestamp,
            parent_total_difficulty: U256::zero(),
        };
        let is_merged = network.stage(&moment).fork >= Fork::Paris;
        let imported = Imported {
            total_difficulty: genesis.difficulty,
            header: genesis,
            state: Arc::new(state),
            receipts: Vec::new(),
            ommers: Vec::new(),
            is_merged,
        };
        Self {
            network,
            blocks: HashMap::from([(head, imported)]),
            head,
        }
    }

    /// The block that the chain ends with.
    pub fn head(&self) -> &Imported {
        &self.blocks[&self.head]
    }

    /// A block that was imported, by its hash.
    pub fn imported(&self, hash: &B256) -> Option<&Imported> {
        self.blocks.get(hash)
    }

    /// Imports a block whose parent has been imported; its hash. It becomes the head if it has more total
    /// difficulty than the head so far; from the Merge on, whose head the consensus layer names, in
    /// any case.
    ///
    /// # Errors
    /// The first rule that the block breaks; the chain is then as it was.
    pub fn import(&mut self, rlp: &Bytes) -> Result<B256, ImportError> {
        let block = SealedBlock::decode(rlp)?;
        let hash = block.header.hash;
        if !self.blocks.contains_key(&hash) {
            let imported = self.execute(&block)?;
            self.blocks.insert(hash, imported);
        }
        let (imported, head) = (&self.blocks[&hash], self.head());
        if imported.is_merged || imported.total_difficulty > head.total_difficulty {
            self.head = hash;
        }
        Ok(hash)
    }

    fn execute(&self, block: &SealedBlock) -> Result<Imported, ImportError> {
        let header = &block.header;
        let parent = self
            .blocks
            .get(&header.parent_hash)
            .ok_or(InvalidBlock::UnknownParent {
                hash: header.parent_hash,
            })?;
        let stage = self.stage(header, parent);
        validate(header, &parent.header, &self.header_rules(&stage))?;
        block.validate_body(stage.fork)?;
        self.validate_ommers(block, &stage)?;
        let is_dao_fork = self.network.dao_fork == Some(header.number);
        let executable = block.to_block(&stage, self.network.chain_id, is_dao_fork)?;
        let executed = Executed::of(&executable, stage.fork, &parent.state)?;
        let mut state = InMemoryDatabase::clone(&parent.state);
        state.apply(&executed.changes);
        let receipts: Vec<TrieReceipt<'_>> = executed
            .receipts
            .iter()
            .map(|receipt| receipt.for_trie())
            .collect();
        let results = Results::new(
            &executable,
            &receipts,
            state_root(&state),
            &executed.requests,
        );
        block.validate_results(&results)?;
        state.insert_block_hash(header.number, header.hash);
        Ok(Imported {
            receipts: executed.receipts,
            header: header.clone(),
            state: Arc::new(state),
            total_difficulty: parent.total_difficulty.saturating_add(header.difficulty),
            ommers: block.ommers.iter().map(|ommer| ommer.hash).collect(),
            is_merged: stage.fork >= Fork::Paris,
        })
    }

    /// The rules that a child of `parent` follows.
    fn stage(&self, header: &Header, parent: &Imported) -> Stage {
        *self.network.stage(&Moment {
            number: header.number,
            timestamp: header.timestamp,
            parent_total_difficulty: parent.total_difficulty,
        })
    }

    fn header_rules(&self, stage: &Stage) -> HeaderRules {
        HeaderRules {
            fork: stage.fork,
            blob_schedule: stage.blob_schedule,
            dao_fork: self.network.dao_fork,
        }
    }

    fn validate_ommers(&self, block: &SealedBlock, stage: &Stage) -> Result<(), InvalidBlock> {
        if block.ommers.is_empty() {
            return Ok(());
        }
        let mut ancestors = Vec::new();
        let mut next = self.blocks.get(&block.header.parent_hash);
        while let Some(imported) = next {
            ancestors.push(Ancestor {
                header: &imported.header,
                ommers: &imported.ommers,
                rules: self.header_rules(stage),
            });
            if ancestors.len() as u64 > OMMER_DEPTH_MAX {
                break;
            }
            next = self.blocks.get(&imported.header.parent_hash);
        }
        validate_ommers(&block.header, &block.ommers, &ancestors)
    }
}

/// What of a block's execution a header speaks about.
struct Executed {
    receipts: Vec<SequentialReceipt>,
    requests: Requests,
    changes: StateChanges,
}

impl Executed {
    /// Executes a block: before Byzantium one transaction after the other, for the state roots in
    /// the receipts.
    fn of(block: &Block, fork: Fork, state: &InMemoryDatabase) -> Result<Self, ImportError> {
        if fork < Fork::Byzantium {
            let outcome = sequential::execute(block, fork, state)?;
            return Ok(Self {
                receipts: outcome.receipts,
                requests: outcome.requests,
                changes: outcome.changes,
            });
        }
        let outcome = Evm::new(fork)
            .blob_schedule(block.blob_schedule)
            .audit(true)
            .execute_block(state, block)?;
        let mut cumulative_gas_used = 0;
        let receipts = block.transactions.iter().zip(outcome.roots());
        let receipts = receipts.map(|(recovered, receipt)| {
            cumulative_gas_used += receipt.tree_gas_used.unwrap_or(0);
            SequentialReceipt {
                kind: recovered.transaction.kind,
                outcome: Outcome::Status(receipt.status.is_success()),
                cumulative_gas_used,
                logs: receipt.logs.clone(),
            }
        });
        Ok(Self {
            receipts: receipts.collect(),
            requests: outcome.requests,
            changes: outcome.changes,
        })
    }
}

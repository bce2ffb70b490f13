//! A chain of blocks on states in memory: importing, and the choice of the head.
//!
//! Keeps the state after every block, so that a block may follow any other; it is made for tests,
//! not for long chains.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use super::{
    header::{Header, HeaderRules, validate},
    invalid::InvalidBlock,
    network::{Moment, Network, Stage},
    ommers::{Ancestor, OMMER_DEPTH_MAX, validate_ommers},
    receipts::TrieReceipt,
    sealed::{Results, SealedBlock},
    sequential::{self, SequentialFault},
};
use crate::{
    B256, Fork, U256,
    state::{InMemoryDatabase, roots::state_root},
};

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

    /// Imports a block whose parent has been imported. It becomes the head if it has more total
    /// difficulty than the head so far; from the Merge on, whose head the consensus layer names, in
    /// any case.
    ///
    /// # Errors
    /// The first rule that the block breaks; the chain is then as it was.
    pub fn import(&mut self, rlp: &Bytes) -> Result<(), SequentialFault> {
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
        Ok(())
    }

    fn execute(&self, block: &SealedBlock) -> Result<Imported, SequentialFault> {
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
        let outcome = sequential::execute(&executable, stage.fork, &parent.state)?;

        let mut state = InMemoryDatabase::clone(&parent.state);
        state.apply(&outcome.changes);
        let receipts: Vec<TrieReceipt<'_>> = outcome
            .receipts
            .iter()
            .map(|receipt| receipt.for_trie())
            .collect();
        let results = Results::new(&receipts, state_root(&state), outcome.requests.hash());
        block.validate_results(&results)?;
        state.insert_block_hash(header.number, header.hash);
        Ok(Imported {
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

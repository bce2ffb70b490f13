//! A block: its rounds, their order, and the barrier (semantics, sections 2, 4, 5, 6 and 8).

use std::collections::{BTreeMap, BTreeSet};

use deferevm::{
    Address, B256, Fork, TransactionEnvironment, U256,
    block::{
        Block, BlockOutcome, RoundOutcome,
        edges::{self, EdgeFault, EdgeRules, Requests},
    },
    call::{DeferredRules, Order, Policy},
    keccak256,
    precompiles::Precompiles,
    round::Limits,
    state::{Database, ErasedDatabase, State, account::create_address},
    transaction::{InvalidTransaction, Kind, Limit, Receipt, Status, TransactionRules},
};
use primitive_types::U512;

use crate::{
    host::{DeferredCall, Scene},
    transaction::{Executed, Original, Purchase, run_original, run_virtual},
    world::{Account, World},
};

/// How a block is to be executed.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The rules of Ethereum.
    pub fork: Fork,
    /// The rules of deferral.
    pub rules: DeferredRules,
    /// What the block may grow to.
    pub limits: Limits,
    /// What its transactions are measured by.
    pub transaction_rules: TransactionRules,
    /// Whether system calls, requests, withdrawals and rewards are run.
    pub runs_edges: bool,
}

/// A published record.
struct Record {
    id: B256,
    parent: B256,
    parent_position: u32,
    root: u32,
    call: DeferredCall,
}

/// A root's tree so far.
struct Tree {
    sender: Address,
    /// `None` if the root was skipped.
    purchase: Option<Purchase>,
    gas_spent: u64,
    refund_counters: i64,
    pending: u64,
    /// Once settled.
    gas_used: Option<u64>,
    succeeded: bool,
}

/// A block while it is executed.
struct Run<'a> {
    scene: Scene<'a>,
    limits: Limits,
    seed: B256,
    world: World<'a>,
    environments: Vec<TransactionEnvironment>,
    trees: Vec<Tree>,
    records: u64,
    input: u64,
    burnt: U512,
    rounds: Vec<RoundOutcome>,
    receipts: Vec<Receipt>,
}

/// What a round has left for its barrier.
#[derive(Default)]
struct Round {
    /// Accounts as their owners left them, and which of them were written.
    live: BTreeMap<Address, Account>,
    written: BTreeSet<Address>,
    credits: Vec<(Address, U256)>,
    /// Fees of roots that have settled directly.
    fees_due: Vec<U256>,
    published: Vec<Record>,
    /// The roots of what it ran.
    roots: Vec<u32>,
}

impl Reference {
    /// The rules of a fork under a policy, with the limits' defaults.
    pub fn new(fork: Fork, rules: DeferredRules) -> Self {
        Self {
            fork,
            rules,
            limits: Limits::default(),
            transaction_rules: TransactionRules::of(fork),
            runs_edges: true,
        }
    }

    /// Executes a block on the state before it.
    ///
    /// # Errors
    /// What makes the block invalid at its edges.
    ///
    /// # Panics
    /// If wei is lost or made, an account is written that is not owned, or the state cannot be read.
    pub fn execute<D: Database>(
        &self,
        database: &D,
        block: &Block,
    ) -> Result<BlockOutcome, EdgeFault> {
        let database: &dyn ErasedDatabase = database;
        let precompiles = Precompiles::of(self.fork);
        let edge_rules = EdgeRules {
            fork: self.fork,
            precompiles,
            transaction: &self.transaction_rules,
        };
        let mut world = World::new(database);
        if self.runs_edges {
            let mut state = State::new(database);
            edges::begin(&edge_rules, block, &mut state)?;
            world.apply(state.into_changes());
        }
        let mut run = Run {
            scene: Scene {
                fork: self.fork,
                rules: &self.rules,
                block: &block.environment,
                precompiles,
            },
            limits: self.limits,
            seed: match self.fork >= Fork::Paris {
                true => block.environment.prev_randao,
                false => B256(block.environment.difficulty.to_big_endian()),
            },
            world,
            environments: environments(block),
            trees: Vec::new(),
            records: 0,
            input: 0,
            burnt: U512::zero(),
            rounds: Vec::new(),
            receipts: Vec::new(),
        };
        let mut next = run.round_of_originals(block, &self.transaction_rules);
        while !next.is_empty() {
            next = run.virtual_round(next);
        }
        for (receipt, tree) in run.receipts.iter_mut().zip(&run.trees) {
            receipt.tree_gas_used = Some(tree.gas_used.unwrap_or(0));
        }
        let mut requests = Requests::default();
        if self.runs_edges {
            let logs = run.receipts.iter().flat_map(|receipt| &receipt.logs);
            let mut state = State::new(&run.world);
            requests = edges::end(&edge_rules, block, logs, &mut state)?.requests;
            let changes = state.into_changes();
            run.world.apply(changes);
        }
        let gas_limits = block.transactions.iter();
        let gas_limits = gas_limits.map(|original| u128::from(original.transaction.gas_limit));
        Ok(BlockOutcome {
            policy: Policy::Deferred(self.rules),
            fork: self.fork,
            gas_used: run.trees.iter().filter_map(|tree| tree.gas_used).sum(),
            exceeds_gas_limit: gas_limits.sum::<u128>() > u128::from(block.environment.gas_limit),
            trees_succeeded: run.trees.iter().map(|tree| tree.succeeded).collect(),
            rounds: run.rounds,
            receipts: run.receipts,
            requests,
            changes: run.world.changes(),
            state_root: None,
            timing: None,
        })
    }
}

fn environments(block: &Block) -> Vec<TransactionEnvironment> {
    let of = |original: &deferevm::transaction::Recovered| TransactionEnvironment {
        origin: original.sender,
        gas_price: original
            .transaction
            .effective_gas_price(block.environment.base_fee),
        blob_hashes: original.transaction.blob_hashes.clone(),
    };
    block.transactions.iter().map(of).collect()
}

impl Run<'_> {
    /// Round 0; the records of round 1.
    fn round_of_originals(&mut self, block: &Block, rules: &TransactionRules) -> Vec<Record> {
        let mut round = Round::default();
        let coinbase = self.scene.block.coinbase;
        let mut blob_gas_left = block.blob_gas_max();
        for (position, recovered) in (0u32..).zip(&block.transactions) {
            let transaction = &recovered.transaction;
            let sender = recovered.sender;
            let target = transaction
                .to
                .unwrap_or_else(|| create_address(sender, transaction.nonce));
            let authorities: Vec<Option<Address>> = transaction
                .authorizations
                .iter()
                .map(|tuple| tuple.authority())
                .collect();
            let mut owned = BTreeSet::from([sender, target]);
            owned.extend(authorities.iter().flatten());

            // The coinbase rule: its owner sees the fees of those before it that have settled.
            if owned.contains(&coinbase) && !round.fees_due.is_empty() {
                let mut account = self.live(&round, coinbase);
                round.fees_due.drain(..).for_each(|fee| account.credit(fee));
                if self.scene.fork >= Fork::SpuriousDragon && account.is_empty() {
                    account = Account::gone();
                }
                round.live.insert(coinbase, account);
                round.written.insert(coinbase);
            }

            let original = Original {
                recovered,
                environment: &self.environments[position as usize],
                rules,
                authorities: &authorities,
                target,
            };
            let blob_gas = transaction.blob_gas();
            let result = if blob_gas > blob_gas_left {
                Err(InvalidTransaction::BlobGasAboveBlock {
                    found: blob_gas,
                    left: blob_gas_left,
                })
            } else {
                let owned = owned
                    .iter()
                    .map(|address| (*address, self.live(&round, *address)))
                    .collect();
                run_original(self.scene, &self.world, &original, owned)
            };
            blob_gas_left = blob_gas_left.saturating_sub(blob_gas);

            let mut receipt = Receipt {
                id: recovered.hash,
                parent: None,
                root: position,
                round: 0,
                index: u64::from(position),
                kind: Kind::Original(transaction.kind),
                sender,
                target,
                status: Status::Succeeded,
                gas_used: 0,
                bounced: U256::zero(),
                logs: Vec::new(),
                output: bytes::Bytes::new(),
                created: None,
                tree_gas_used: None,
            };
            let mut tree = Tree {
                sender,
                purchase: None,
                gas_spent: 0,
                refund_counters: 0,
                pending: 0,
                gas_used: None,
                succeeded: false,
            };
            match result {
                Err(error) => {
                    receipt.status = Status::Skipped(Box::new(error));
                    self.trees.push(tree);
                    round.roots.push(position);
                    self.receipts.push(receipt);
                }
                Ok((executed, paid)) => {
                    self.burnt += U512::from(paid.blob_fee);
                    if let Some((settlement, coinbase_is_paid)) = paid.settled {
                        self.burnt += U512::from(settlement.burnt);
                        tree.gas_used = Some(settlement.gas_used);
                        if !coinbase_is_paid {
                            round.fees_due.push(settlement.to_coinbase);
                        }
                    }
                    tree.purchase = Some(paid.purchase);
                    tree.succeeded = true;
                    self.trees.push(tree);
                    self.take(&mut round, receipt, position, position, executed);
                }
            }
        }
        self.end_round(round, 0)
    }

    /// A virtual round; the records of the next.
    fn virtual_round(&mut self, records: Vec<Record>) -> Vec<Record> {
        let mut round = Round::default();
        let first = self.receipts.len();
        // Those refused at the barrier before stand behind what runs.
        let refused = self
            .receipts
            .split_off(self.rounds.last().map_or(0, |r| r.receipts.end));
        let first = first - refused.len();
        for (position, record) in (0u32..).zip(records) {
            let target = record.call.target;
            let owned = BTreeMap::from([(target, self.live(&round, target))]);
            let environment = &self.environments[record.root as usize];
            let executed = run_virtual(self.scene, &self.world, environment, &record.call, owned);
            self.trees[record.root as usize].pending -= 1;
            let receipt = self.receipt_of(&record, Status::Succeeded);
            self.take(&mut round, receipt, position, record.root, executed);
        }
        let executed = self.receipts.len() - first;
        self.receipts.extend(refused);
        self.end_round_of(round, first, executed)
    }

    /// Takes over what a transaction has left.
    fn take(
        &mut self,
        round: &mut Round,
        mut receipt: Receipt,
        position: u32,
        root: u32,
        executed: Executed,
    ) {
        let tree = &mut self.trees[root as usize];
        tree.gas_spent += executed.gas_used;
        tree.refund_counters += executed.refund_counter;
        tree.succeeded &= executed.status.is_success();
        self.burnt += U512::from(executed.burnt);
        round.live.extend(executed.owned);
        round.written.extend(executed.written);
        round.credits.extend(executed.credits);
        round.roots.push(root);
        let records = executed.calls.into_iter().map(|call| Record {
            id: id_of(receipt.id, &call),
            parent: receipt.id,
            parent_position: position,
            root,
            call,
        });
        round.published.extend(records);
        receipt.status = executed.status;
        receipt.gas_used = executed.gas_used;
        receipt.bounced = executed.bounced;
        receipt.logs = executed.logs;
        receipt.output = executed.output;
        receipt.created = executed.created;
        self.receipts.push(receipt);
    }

    fn end_round(&mut self, round: Round, first: usize) -> Vec<Record> {
        let executed = self.receipts.len() - first;
        self.end_round_of(round, first, executed)
    }

    /// Lists the round and crosses its barrier.
    fn end_round_of(&mut self, round: Round, first: usize, executed: usize) -> Vec<Record> {
        let index = u32::try_from(self.rounds.len()).expect("rounds are limited");
        let gas_used = self.receipts[first..first + executed].iter();
        self.rounds.push(RoundOutcome {
            index,
            receipts: first..self.receipts.len(),
            executed,
            batches: 0,
            gas_used: gas_used.map(|receipt| receipt.gas_used).sum(),
            critical_gas: 0,
            hottest: None,
            state_root: None,
        });
        self.barrier(round)
    }

    /// Section 4, the barrier, in its order.
    fn barrier(&mut self, mut round: Round) -> Vec<Record> {
        let mut credits = std::mem::take(&mut round.credits);
        let coinbase = self.scene.block.coinbase;
        credits.extend(round.fees_due.drain(..).map(|fee| (coinbase, fee)));

        // Sort the published records and refuse those past a limit.
        let mut records = std::mem::take(&mut round.published);
        self.sort(&mut records);
        for record in &records {
            let tree = &mut self.trees[record.root as usize];
            tree.pending += 1;
            tree.gas_spent -= record.call.stipend;
        }
        let may_run_another = u64::from(self.limits.rounds_max) > self.rounds.len() as u64;
        let input_before = |place: usize| {
            let input = records[..place].iter().map(|r| r.call.input.len() as u64);
            self.input + input.sum::<u64>()
        };
        let has_room = |place: &usize| {
            self.records + *place as u64 <= self.limits.records_max
                && input_before(*place) <= self.limits.input_max
        };
        let (room, limit) = match may_run_another {
            false => (0, Limit::Rounds),
            true => {
                // As many as there is room for, from the first on.
                let room = (0..=records.len()).take_while(has_room).last().unwrap_or(0);
                match self.records + room as u64 == self.limits.records_max {
                    true => (room, Limit::Records),
                    false => (room, Limit::Input),
                }
            }
        };
        self.input = input_before(room);
        let refused = records.split_off(room);
        self.records += records.len() as u64;
        for record in &refused {
            let tree = &mut self.trees[record.root as usize];
            tree.pending -= 1;
            tree.succeeded = false;
            let escrow = record.call.escrow();
            if !escrow.is_zero() {
                credits.push((record.call.sender, escrow));
            }
            let receipt = self.receipt_of(record, Status::Refused(limit));
            self.receipts.push(Receipt {
                bounced: escrow,
                ..receipt
            });
        }

        // Settle the roots that have no pending descendant.
        for root in round.roots {
            let tree = &mut self.trees[root as usize];
            let Some(purchase) = &tree.purchase else {
                continue;
            };
            if tree.pending > 0 || tree.gas_used.is_some() {
                continue;
            }
            let settlement = purchase.settle(tree.gas_spent, tree.refund_counters, self.scene.fork);
            tree.gas_used = Some(settlement.gas_used);
            credits.push((tree.sender, settlement.to_sender));
            credits.push((coinbase, settlement.to_coinbase));
            self.burnt += U512::from(settlement.burnt);
        }

        // Write back the owned accounts, add the credits, clear the empty.
        let mut changed = round.written.clone();
        for address in round.written {
            let account = match &round.live[&address] {
                account if account.exists => account.clone(),
                _ => Account::gone(),
            };
            self.world.set(address, account);
        }
        for (address, amount) in credits {
            let mut account = self.world.get(address);
            account.credit(amount);
            self.world.set(address, account);
            changed.insert(address);
        }
        if self.scene.fork >= Fork::SpuriousDragon {
            for address in changed {
                if self.world.get(address).is_empty() {
                    self.world.set(address, Account::gone());
                }
            }
        }
        self.assert_conserved(&records);
        records
    }

    /// Section 10: balances, escrow, prepaid and burnt wei are what there was before the block.
    fn assert_conserved(&self, pending: &[Record]) {
        let (balances, before) = self.world.balances();
        let escrow = pending
            .iter()
            .fold(U512::zero(), |sum, record| sum + record.call.escrow());
        let prepaid = self
            .trees
            .iter()
            .filter(|tree| tree.gas_used.is_none())
            .filter_map(|tree| tree.purchase.as_ref())
            .fold(U512::zero(), |sum, purchase| sum + purchase.prepaid());
        assert_eq!(
            balances + escrow + prepaid + self.burnt,
            before,
            "wei is not conserved at the barrier of round {}",
            self.rounds.len() - 1
        );
    }

    /// An account as the transactions of the round before this one have left it.
    fn live(&self, round: &Round, address: Address) -> Account {
        match round.live.get(&address) {
            Some(account) => account.clone(),
            None => self.world.get(address),
        }
    }

    /// Section 5: creations first, then by the order's key.
    fn sort(&self, records: &mut [Record]) {
        records.sort_by_key(|record| {
            let id = record.id.0;
            let (key, index) = match self.scene.rules.order {
                Order::Parent => (record.parent.0.to_vec(), record.call.index),
                Order::Hash => (id.to_vec(), 0),
                Order::Seeded => (keccak256([self.seed.0, id].concat()).0.to_vec(), 0),
                Order::Fifo => {
                    let position = record.parent_position.to_be_bytes();
                    (position.to_vec(), record.call.index)
                }
            };
            (!record.call.is_creation(), key, index)
        });
    }

    /// A receipt of the round after those listed so far.
    fn receipt_of(&self, record: &Record, status: Status) -> Receipt {
        Receipt {
            id: record.id,
            parent: Some(record.parent),
            root: record.root,
            round: u32::try_from(self.rounds.len()).expect("rounds are limited"),
            index: record.call.index,
            kind: Kind::Virtual {
                opcode: record.call.kind,
                is_static: record.call.is_static,
            },
            sender: record.call.sender,
            target: record.call.target,
            status,
            gas_used: 0,
            bounced: U256::zero(),
            logs: Vec::new(),
            output: bytes::Bytes::new(),
            created: None,
            tree_gas_used: None,
        }
    }
}

/// Section 5: what a record's id commits to.
fn id_of(parent: B256, call: &DeferredCall) -> B256 {
    let preimage = [
        &parent.0[..],
        &call.index.to_be_bytes(),
        &[call.kind, u8::from(call.is_static)],
        &call.target.0,
        &call.code_address.0,
        &call.value.to_big_endian(),
        &call.gas_cap.to_be_bytes(),
        &call.input,
    ];
    keccak256(preimage.concat())
}

//! One transaction, original or virtual, from its checks to its end (semantics, sections 4 and 6).

use std::collections::BTreeMap;

use bytes::Bytes;
use deferevm::{
    Address, B256, CallKind, Code, Exit, Fork, Halt, Log, TransactionEnvironment, U256,
    call::GasRule,
    transaction::{
        Authorization, InvalidTransaction, Recovered, SenderAccount, SenderCode, Status,
        TransactionRules, validate, validate_sender,
    },
};

use crate::{
    frames::{End, Outermost},
    host::{DeferredCall, Effects, Running, Scene},
    world::{Account, World},
};

/// What a transaction leaves to its round.
pub struct Executed {
    pub status: Status,
    pub gas_used: u64,
    /// What its refund counter adds to its tree's: 0 unless it has succeeded.
    pub refund_counter: i64,
    /// The owned accounts at its end, and which of them it has written.
    pub owned: BTreeMap<Address, Account>,
    pub written: Vec<Address>,
    pub logs: Vec<Log>,
    pub output: Bytes,
    pub credits: Vec<(Address, U256)>,
    pub calls: Vec<DeferredCall>,
    pub burnt: U256,
    pub created: Option<Address>,
    pub bounced: U256,
}

/// The gas that a root has bought.
#[derive(Clone, Debug)]
pub struct Purchase {
    pub gas_limit: u64,
    pub price: U256,
    pub base_fee: U256,
    /// EIP-7623.
    pub floor: u64,
    /// What its authorizations refund.
    pub authorization_refund: u64,
}

/// Who gets what of a root's prepaid wei.
#[derive(Clone, Debug)]
pub struct Settlement {
    pub gas_used: u64,
    pub to_sender: U256,
    pub to_coinbase: U256,
    pub burnt: U256,
}

impl Purchase {
    pub fn prepaid(&self) -> U256 {
        self.price * U256::from(self.gas_limit)
    }

    /// Section 6: what the tree has spent, and the sum of its refund counters.
    pub fn settle(&self, gas_spent: u64, counters: i64, fork: Fork) -> Settlement {
        let counters = u64::try_from(counters).expect("a transaction refunds what it was charged");
        let part = if fork >= Fork::London { 5 } else { 2 };
        let refund = (self.authorization_refund + counters).min(gas_spent / part);
        let gas_used = (gas_spent - refund).max(self.floor);
        Settlement {
            gas_used,
            to_sender: U256::from(self.gas_limit - gas_used) * self.price,
            to_coinbase: U256::from(gas_used) * (self.price - self.base_fee),
            burnt: U256::from(gas_used) * self.base_fee,
        }
    }
}

/// An original transaction as its round gives it.
pub struct Original<'a> {
    pub recovered: &'a Recovered,
    pub environment: &'a TransactionEnvironment,
    pub rules: &'a TransactionRules,
    /// Tuple by tuple.
    pub authorities: &'a [Option<Address>],
    pub target: Address,
}

/// What an original transaction that was not skipped has come to besides.
pub struct Paid {
    pub purchase: Purchase,
    pub blob_fee: U256,
    /// If it has published no record: its settlement, and whether the coinbase has its fee already.
    pub settled: Option<(Settlement, bool)>,
}

/// Runs an original transaction; the reason where it is skipped.
pub fn run_original(
    scene: Scene<'_>,
    world: &World<'_>,
    original: &Original<'_>,
    owned: BTreeMap<Address, Account>,
) -> Result<(Executed, Paid), InvalidTransaction> {
    let transaction = &original.recovered.transaction;
    let sender = original.recovered.sender;
    let mut running = Running::new(scene, world, original.environment, owned);

    // Is it valid?
    let intrinsic = validate(original.recovered, scene.block, scene.fork, original.rules)?;
    let account = running.view(sender);
    let code = match running.code_of(sender) {
        Some(code) if code.bytes().is_empty() => SenderCode::Empty,
        Some(code) if code.delegate().is_some() => SenderCode::Delegation,
        _ => SenderCode::Contract,
    };
    let account = SenderAccount {
        nonce: account.nonce,
        balance: account.balance,
        code,
    };
    validate_sender(original.recovered, &account, scene.fork)?;

    // It buys its gas.
    let blob_fee = scene.block.blob_base_fee * U256::from(transaction.blob_gas());
    let mut purchase = Purchase {
        gas_limit: transaction.gas_limit,
        price: original.environment.gas_price,
        base_fee: scene.block.base_fee,
        floor: intrinsic.floor,
        authorization_refund: 0,
    };
    running.owned(sender).debit(purchase.prepaid() + blob_fee);
    running.owned(sender).nonce += 1;

    // What starts warm, and the delegations that it sets.
    let warm = &mut running.effects.warm;
    warm.extend([sender, original.target]);
    if scene.fork >= Fork::Shanghai {
        warm.insert(scene.block.coinbase);
    }
    for item in &transaction.access_list {
        warm.insert(item.address);
        let slots = item.storage_keys.iter().map(|key| (item.address, *key));
        running.effects.warm_slots.extend(slots);
    }
    for (tuple, authority) in transaction.authorizations.iter().zip(original.authorities) {
        purchase.authorization_refund += running.authorize(tuple, *authority);
    }
    let delegate = running.delegate_of(original.target);
    running.effects.warm.extend(delegate);

    // Its code.
    let gas = transaction.gas_limit - intrinsic.initial;
    let before = running.effects.clone();
    let outermost = Outermost {
        address: original.target,
        caller: sender,
        value: transaction.value,
        is_static: false,
        depth: 0,
        code: Code::default(),
        input: &transaction.input,
        gas,
    };
    let end = if transaction.to.is_some() {
        running.owned(sender).debit(transaction.value);
        running.owned(original.target).credit(transaction.value);
        running.call(outermost, original.target, before)
    } else if running.is_taken(original.target) {
        End::halt(Halt::CreateCollision)
    } else {
        running.owned(sender).debit(transaction.value);
        running.create(outermost, &transaction.input, before)
    };
    let mut executed = running.conclude(&end, transaction.gas_limit);
    if end.exit.is_success() && transaction.to.is_none() {
        executed.created = Some(original.target);
    }

    // It settles at once if it has published no record.
    let mut settled = None;
    if executed.calls.is_empty() {
        let settlement = purchase.settle(executed.gas_used, executed.refund_counter, scene.fork);
        running.owned(sender).credit(settlement.to_sender);
        let coinbase = scene.block.coinbase;
        let is_owned = running.effects.owned.contains_key(&coinbase);
        if is_owned {
            running.owned(coinbase).credit(settlement.to_coinbase);
        }
        settled = Some((settlement, is_owned));
    }
    running.finish(&mut executed);
    let paid = Paid {
        purchase,
        blob_fee,
        settled,
    };
    Ok((executed, paid))
}

/// Runs a deferred call.
pub fn run_virtual(
    scene: Scene<'_>,
    world: &World<'_>,
    environment: &TransactionEnvironment,
    call: &DeferredCall,
    owned: BTreeMap<Address, Account>,
) -> Executed {
    let mut running = Running::new(scene, world, environment, owned);
    let warm = &mut running.effects.warm;
    warm.extend([call.target, call.sender, call.code_address]);
    if scene.fork >= Fork::Shanghai {
        warm.insert(scene.block.coinbase);
    }
    let delegate = running.delegate_of(call.target);
    running.effects.warm.extend(delegate);

    let given = call.gas + call.stipend;
    let before = running.effects.clone();
    let outermost = Outermost {
        address: call.target,
        caller: call.sender,
        value: call.value,
        is_static: call.is_static,
        depth: call.depth,
        code: Code::default(),
        input: if call.is_creation() { &[] } else { &call.input },
        gas: given,
    };
    let borrows_code =
        call.kind == CallKind::DelegateCall as u8 || call.kind == CallKind::CallCode as u8;
    let target = running.view(call.target);
    let end = if call.is_creation() {
        if running.is_taken(call.target) {
            End::halt(Halt::CreateCollision)
        } else {
            running.create(outermost, &call.input, before)
        }
    } else if borrows_code
        && target.code_hash.is_none()
        && target.nonce == 0
        && !call.is_from_init_code
    {
        End {
            gas_left: given,
            ..End::halt(Halt::TargetDestroyed)
        }
    } else {
        if call.kind == CallKind::Call as u8 && !call.is_static {
            running.owned(call.target).credit(call.value);
        }
        running.call(outermost, call.code_address, before)
    };
    let mut executed = running.conclude(&end, given);
    if !end.exit.is_success() {
        executed.bounced = call.escrow();
        if !executed.bounced.is_zero() {
            running
                .effects
                .credits
                .push((call.sender, executed.bounced));
        }
    } else if call.is_creation() {
        executed.created = Some(call.target);
    }
    running.finish(&mut executed);
    executed
}

impl Running<'_> {
    /// Applies one tuple of an EIP-7702 list; the gas that it refunds.
    fn authorize(&mut self, tuple: &Authorization, authority: Option<Address>) -> u64 {
        let chain_id = U256::from(self.scene.block.chain_id);
        let is_for_this_chain = tuple.chain_id.is_zero() || tuple.chain_id == chain_id;
        let Some(authority) = authority else {
            return 0;
        };
        if !is_for_this_chain || tuple.nonce == u64::MAX {
            return 0;
        }
        self.effects.warm.insert(authority);
        let may_delegate = self
            .code_of(authority)
            .is_some_and(|code| code.bytes().is_empty() || code.delegate().is_some());
        let account = self.view(authority);
        if !may_delegate || account.nonce != tuple.nonce {
            return 0;
        }
        let code = match tuple.address.is_zero() {
            true => None,
            false => {
                let designator = [&[0xef, 0x01, 0x00][..], tuple.address.as_bytes()].concat();
                Some(Code::new(designator.into()))
            }
        };
        let written = self.owned(authority);
        written.code_hash = code.as_ref().map(Code::hash);
        written.code = code;
        written.nonce += 1;
        if account.exists { 12_500 } else { 0 }
    }

    /// Whether an address cannot be created (EIP-684, EIP-7610).
    fn is_taken(&self, address: Address) -> bool {
        let account = self.view(address);
        account.nonce != 0
            || account.code_hash.is_some()
            || self.world.has_storage(address, &account)
    }

    /// Runs the code at an address, or the precompile there.
    fn call(&mut self, mut outermost: Outermost<'_>, address: Address, before: Effects) -> End {
        if let Some(precompile) = self.scene.precompiles.get(address) {
            return match precompile.run(outermost.input, outermost.gas, self.scene.fork) {
                Ok(output) => End {
                    exit: Exit::Return,
                    gas_left: outermost.gas - output.gas_used,
                    refund: 0,
                    output: output.bytes,
                },
                Err(halt) => {
                    self.effects = before;
                    End::halt(halt)
                }
            };
        }
        match self.called_code(address) {
            Ok(code) => {
                outermost.code = code;
                self.run_code(outermost, before)
            }
            Err(_) => {
                self.effects = before;
                End::halt(Halt::CodeMissing)
            }
        }
    }

    /// Runs init code at an address that is not taken.
    fn create(&mut self, mut outermost: Outermost<'_>, init_code: &[u8], before: Effects) -> End {
        let address = outermost.address;
        self.creating = Some(address);
        self.effects.created.insert(address);
        let fork = self.scene.fork;
        let account = self.owned(address);
        account.credit(outermost.value);
        account.is_cleared = true;
        account.storage.clear();
        if fork >= Fork::SpuriousDragon {
            account.nonce = 1;
        }
        outermost.code = Code::with_hash(Bytes::copy_from_slice(init_code), B256::zero());
        outermost.input = &[];
        self.run_code(outermost, before)
    }

    /// Shares out what is left of the gas (`split`), and counts what was consumed.
    fn conclude(&mut self, end: &End, given: u64) -> Executed {
        let mut left = end.gas_left;
        let calls = &mut self.effects.calls;
        if self.scene.rules.gas == GasRule::Split {
            let mut order: Vec<&mut DeferredCall> = calls.iter_mut().collect();
            order.sort_by_key(|call| (call.gas_cap, call.index));
            let count = order.len() as u64;
            for (i, call) in (0..).zip(order) {
                call.gas = call.gas_cap.min(left / (count - i));
                left -= call.gas;
            }
        }
        // Under `split` the shares have left `left`, under `lock` they had left the frames.
        let set_aside: u64 = self.effects.calls.iter().map(|call| call.gas).sum();
        Executed {
            status: match end.exit {
                Exit::Revert => Status::Reverted,
                Exit::Halt(halt) => Status::Halted(halt),
                Exit::Stop | Exit::Return | Exit::SelfDestruct => Status::Succeeded,
            },
            gas_used: given - left - set_aside,
            refund_counter: end.refund,
            calls: self.effects.calls.clone(),
            owned: BTreeMap::new(),
            written: Vec::new(),
            logs: Vec::new(),
            output: end.output.clone(),
            credits: Vec::new(),
            burnt: U256::zero(),
            created: None,
            bounced: U256::zero(),
        }
    }

    /// Destruction takes effect, and empty accounts that were touched go (EIP-161).
    fn finish(self, executed: &mut Executed) {
        let Effects {
            mut owned,
            touched,
            destroyed,
            burnt,
            logs,
            credits,
            ..
        } = self.effects;
        executed.burnt = burnt;
        for address in &touched {
            let account = owned.get_mut(address).expect("only owned ones are written");
            if destroyed.contains(address) {
                executed.burnt += account.balance;
                *account = Account::gone();
            } else if !account.exists
                || self.scene.fork >= Fork::SpuriousDragon && account.is_empty()
            {
                *account = Account::gone();
            }
        }
        executed.written = touched.into_iter().collect();
        executed.owned = owned;
        executed.logs = logs;
        executed.credits = credits;
    }
}

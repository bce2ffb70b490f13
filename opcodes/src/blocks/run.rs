//! The loop of tier 1.
//!
//! Owns what the operations do. Bodies that work on the frame are tier 0's own, and so is every
//! failure: see the module above for how it is handed over.

use super::{
    Blocks,
    op::{Op, binaries},
};
use crate::{
    Action, Exit, Frame, Host, U256, arithmetic, bitwise, block, call, comparison, control_flow,
    environment, keccak, log,
    machine::{
        exit::Interrupt,
        word::{self, from_address, to_usize_saturating, write_be},
    },
    memory, storage, table,
};

/// Runs a frame from its position until there is an action, or `None` where tier 0 has to go on.
///
/// # Safety
/// `blocks` was translated from the frame's code, for its fork, and lives as long as this runs.
pub(crate) fn run<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    blocks: &Blocks,
) -> Option<Action> {
    let schedule = frame.schedule();
    let ops = blocks.ops.as_ptr();
    // The word on top lives in four limbs, so that no address of it exists; its place below `top` is
    // stale.
    let mut top = frame.stack.top();
    // SAFETY: 1. There is always a word below the cursor (see `Stack`).
    let U256([mut tos0, mut tos1, mut tos2, mut tos3]) = unsafe { top.reload() };
    let mut gas = frame.gas.remaining;
    let mut ip;

    macro_rules! tos {
        () => {
            U256([tos0, tos1, tos2, tos3])
        };
    }
    macro_rules! set {
        ($word:expr) => {
            U256([tos0, tos1, tos2, tos3]) = word::scalars($word)
        };
    }
    // Puts everything back for tier 0 to go on at `$pc`, with gas that was charged ahead.
    macro_rules! plain {
        ($pc:expr, $refund:expr) => {{
            // SAFETY: as above.
            unsafe { top.spill(tos!()) };
            frame.stack.set_top(top);
            frame.gas.remaining = gas + $refund as u64;
            frame.pc = $pc as usize;
            return None;
        }};
    }
    macro_rules! enter {
        ($block:expr) => {{
            // SAFETY: 1. Every target and entry is a place in `blocks` (`translate`).
            debug_assert!(($block as usize) < blocks.blocks.len());
            let block = unsafe { blocks.blocks.get_unchecked($block as usize) };
            // One comparison for both bounds: a height below `need` wraps around.
            if top.bytes().wrapping_sub(block.need as usize) > block.room as usize
                || gas < block.gas as u64
            {
                plain!(block.pc, 0);
            }
            gas -= block.gas as u64;
            // SAFETY: 1. A block begins within `ops`.
            ip = unsafe { ops.add(block.start as usize) };
        }};
    }
    // Adds a word. SAFETY of all that follow: `enter` has checked the height for the whole block.
    macro_rules! push {
        ($word:expr) => {{
            let word: U256 = $word;
            unsafe {
                top.spill(tos!());
                top.grow();
            }
            set!(word);
        }};
    }
    macro_rules! get {
        ($depth:expr) => {
            unsafe { top.get($depth as usize) }
        };
    }
    // Drops words, the top among them.
    macro_rules! drop {
        ($count:expr) => {
            unsafe {
                top.drop($count as usize);
                set!(top.reload());
            }
        };
    }
    macro_rules! dup {
        ($depth:expr) => {{
            unsafe {
                top.spill(tos!());
                set!(top.get($depth as usize));
                top.grow();
            }
        }};
    }
    macro_rules! swap {
        ($depth:expr) => {{
            let depth = $depth as usize + 1;
            let word = get!(depth);
            unsafe { top.set(depth, tos!()) };
            set!(word);
        }};
    }
    macro_rules! wide {
        ($index:expr) => {{
            debug_assert!(($index as usize) < blocks.constants.len());
            unsafe { *blocks.constants.get_unchecked($index as usize) }
        }};
    }
    // The place of a word in memory, grown where needed; `$bytes` is `word` or `word_mut`.
    macro_rules! memory_word {
        ($bytes:ident, $offset:expr, $pc:expr, $rest:expr) => {{
            let offset = $offset;
            if offset.saturating_add(32) > frame.memory.size() && !grow(frame, offset, &mut gas) {
                plain!($pc, $rest);
            }
            frame
                .memory
                .$bytes(offset)
                .expect("memory reaches that far")
        }};
    }
    // Goes to a block, or the next, by a condition on so many of the topmost words, which go.
    macro_rules! branch {
        ($count:literal, $condition:expr, $block:expr, $next:expr) => {{
            let condition: bool = $condition;
            drop!($count);
            enter!(if condition { $block } else { $next })
        }};
    }
    macro_rules! end {
        ($pc:expr, $action:expr) => {{
            frame.pc = $pc as usize;
            return Some($action);
        }};
    }
    // Makes the frame current for a body, with the gas that was charged ahead.
    macro_rules! put_back {
        ($after:expr) => {
            unsafe { top.spill(tos!()) };
            frame.stack.set_top(top);
            frame.gas.remaining = gas + $after as u64;
        };
    }

    let entry = blocks.entry(frame.pc)?;
    enter!(entry);

    macro_rules! interpret {
        ($($name:ident: $plain:ident $constant:ident $wide:ident $dup:ident, $body:path;)*) => {
            loop {
                // SAFETY: 1. Each block ends with an operation that leaves or enters a block, so `ip`
                // stays within `ops`.
                let op = unsafe { &*ip };
                ip = unsafe { ip.add(1) };
                match *op {
                    $(
                        Op::$plain => {
                            let under = get!(2);
                            unsafe { top.drop(1) };
                            set!($body(tos!(), under));
                        }
                        Op::$constant { value } => set!($body(U256([value, 0, 0, 0]), tos!())),
                        Op::$wide { index } => set!($body(wide!(index), tos!())),
                        Op::$dup { depth } => set!($body(get!(depth), tos!())),
                    )*
                    Op::SubReversed => {
                        let under = get!(2);
                        unsafe { top.drop(1) };
                        set!(word::sub(under, tos!()));
                    }
                    Op::DivBy { value } => set!(word::div(tos!(), U256([value, 0, 0, 0]))),
                    Op::ModBy { value } => set!(word::rem(tos!(), U256([value, 0, 0, 0]))),
                    Op::IsZero => set!(comparison::iszero(tos!())),
                    Op::Not => set!(bitwise::not(tos!())),
                    Op::Clz => set!(bitwise::clz(tos!())),
                    Op::AddMod => {
                        let (b, n) = (get!(2), get!(3));
                        unsafe { top.drop(2) };
                        set!(arithmetic::addmod(tos!(), b, n));
                    }
                    Op::MulMod => {
                        let (b, n) = (get!(2), get!(3));
                        unsafe { top.drop(2) };
                        set!(arithmetic::mulmod(tos!(), b, n));
                    }
                    Op::Exp { pc, rest } => {
                        let exponent = get!(2);
                        match gas.checked_sub(arithmetic::exp_gas(exponent, schedule)) {
                            Some(left) => gas = left,
                            None => plain!(pc, rest),
                        }
                        unsafe { top.drop(1) };
                        set!(arithmetic::exp(tos!(), exponent));
                    }
                    Op::CallDataLoad => set!(environment::calldata_load(&frame.input, tos!())),
                    Op::CallDataLoadAt { offset } => push!(environment::calldata_load(
                        &frame.input,
                        U256([offset, 0, 0, 0])
                    )),
                    Op::BlobHash => set!(environment::blob_hash(host.environment(), tos!())),
                    Op::Address => push!(from_address(frame.context.address)),
                    Op::Caller => push!(from_address(frame.context.caller)),
                    Op::CallValue => push!(frame.context.value),
                    Op::CallDataSize => push!(U256::from(frame.input.len())),
                    Op::ReturnDataSize => push!(U256::from(frame.return_data.len())),
                    Op::Gas { after } => push!(U256::from(gas + after as u64)),
                    Op::Environment { opcode } => push!(environment_word(opcode, frame, host)),

                    Op::Push { value } => push!(U256([value, 0, 0, 0])),
                    Op::PushWide { index } => push!(wide!(index)),
                    Op::PushPush { lower, upper } => {
                        push!(U256([lower as u64, 0, 0, 0]));
                        push!(U256([upper, 0, 0, 0]));
                    }
                    Op::Dup1 => push!(tos!()),
                    Op::Dup { depth } => dup!(depth),
                    Op::DupDup { first, second } => {
                        dup!(first);
                        dup!(second);
                    }
                    Op::PushDup { depth, value } => {
                        push!(U256([value, 0, 0, 0]));
                        dup!(depth);
                    }
                    Op::Swap { depth } => swap!(depth),
                    Op::SwapSwap { first, second } => {
                        swap!(first);
                        swap!(second);
                    }
                    Op::Pop { count } => drop!(count),
                    Op::Sink { depth } => {
                        unsafe { top.set(depth as usize + 1, tos!()) };
                        drop!(1);
                    }

                    Op::MLoad { pc, rest } => {
                        set!(memory_word!(word, to_usize_saturating(tos!()), pc, rest));
                    }
                    Op::MLoadAt { pc, rest, offset } => {
                        let word = memory_word!(word, offset as usize, pc, rest);
                        push!(word);
                    }
                    Op::MLoadDup { depth, pc, rest } => {
                        let offset = to_usize_saturating(get!(depth));
                        let word = memory_word!(word, offset, pc, rest);
                        push!(word);
                    }
                    Op::MStoreDup { depth, pc, rest } => {
                        let offset = to_usize_saturating(get!(depth));
                        let bytes = memory_word!(word_mut, offset, pc, rest);
                        write_be(tos!(), bytes);
                        drop!(1);
                    }
                    Op::MStore { pc, rest } => {
                        let bytes = memory_word!(word_mut, to_usize_saturating(tos!()), pc, rest);
                        write_be(get!(2), bytes);
                        drop!(2);
                    }
                    Op::MStoreAt { pc, rest, offset } => {
                        let bytes = memory_word!(word_mut, offset as usize, pc, rest);
                        write_be(tos!(), bytes);
                        drop!(1);
                    }
                    Op::Body { opcode, pc, after } => {
                        put_back!(after);
                        if let Err(interrupt) = body(opcode, frame, host) {
                            end!(pc, interrupt.into());
                        }
                        top = frame.stack.top();
                        set!(unsafe { top.reload() });
                        gas = frame.gas.remaining;
                        match gas.checked_sub(after as u64) {
                            Some(left) => gas = left,
                            None => plain!(pc + 1, 0),
                        }
                    }

                    Op::Jump { block } => enter!(block),
                    Op::JumpIf { block, next } => {
                        let is_taken = !word::is_zero(tos!());
                        drop!(1);
                        enter!(if is_taken { block } else { next })
                    }
                    Op::JumpIfZero { block, next } => {
                        let is_taken = word::is_zero(tos!());
                        drop!(1);
                        enter!(if is_taken { block } else { next })
                    }
                    Op::JumpIfTopIs { block, next, value } => {
                        let is_taken = word::eq(tos!(), U256([value, 0, 0, 0]));
                        enter!(if is_taken { block } else { next })
                    }
                    Op::JumpIfEq { block, next } => branch!(2, word::eq(tos!(), get!(2)), block, next),
                    Op::JumpIfNotEq { block, next } => {
                        branch!(2, !word::eq(tos!(), get!(2)), block, next)
                    }
                    Op::JumpIfLt { block, next } => branch!(2, word::lt(tos!(), get!(2)), block, next),
                    Op::JumpIfNotLt { block, next } => {
                        branch!(2, !word::lt(tos!(), get!(2)), block, next)
                    }
                    Op::JumpIfGt { block, next } => branch!(2, word::gt(tos!(), get!(2)), block, next),
                    Op::JumpIfNotGt { block, next } => {
                        branch!(2, !word::gt(tos!(), get!(2)), block, next)
                    }
                    Op::JumpIfDup { depth, block, next } => {
                        let is_taken = !word::is_zero(get!(depth));
                        enter!(if is_taken { block } else { next })
                    }
                    Op::JumpIfDupZero { depth, block, next } => {
                        let is_taken = word::is_zero(get!(depth));
                        enter!(if is_taken { block } else { next })
                    }
                    Op::JumpIfLtDup { depth, block, next } => {
                        branch!(1, word::lt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpIfNotLtDup { depth, block, next } => {
                        branch!(1, !word::lt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpIfGtDup { depth, block, next } => {
                        branch!(1, word::gt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpIfNotGtDup { depth, block, next } => {
                        branch!(1, !word::gt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpIfSltDup { depth, block, next } => {
                        branch!(1, word::slt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpIfNotSltDup { depth, block, next } => {
                        branch!(1, !word::slt(get!(depth), tos!()), block, next)
                    }
                    Op::JumpTo { pc, rest } => match target(frame, blocks, tos!()) {
                        Some(block) => {
                            drop!(1);
                            enter!(block)
                        }
                        None => plain!(pc, rest),
                    },
                    Op::JumpToIf { pc, rest, next } => {
                        if word::is_zero(get!(2)) {
                            drop!(2);
                            enter!(next)
                        } else {
                            match target(frame, blocks, tos!()) {
                                Some(block) => {
                                    drop!(2);
                                    enter!(block)
                                }
                                None => plain!(pc, rest),
                            }
                        }
                    }

                    Op::Stop { pc } => {
                        put_back!(0);
                        end!(pc, Action::Exit(Exit::Stop))
                    }
                    Op::Return { pc } => {
                        put_back!(0);
                        end!(pc, output(frame, Exit::Return))
                    }
                    Op::Revert { pc } => {
                        put_back!(0);
                        end!(pc, output(frame, Exit::Revert))
                    }
                    Op::Call { kind, pc } => {
                        put_back!(0);
                        match call::call(frame, host, kind) {
                            Ok(message) => end!(pc + 1, Action::Call(message)),
                            Err(interrupt) => end!(pc, interrupt.into()),
                        }
                    }
                    Op::Plain { pc } => plain!(pc, 0),
                }
            }
        };
    }
    binaries!(interpret)
}

/// The block at a dynamic jump's target, if it is a JUMPDEST.
#[inline(always)]
fn target(frame: &Frame, blocks: &Blocks, target: U256) -> Option<u16> {
    let position = control_flow::destination(frame.code.analysis(), target)?;
    blocks.entry(position)
}

/// Grows memory for a word at `offset`, if that can be paid for out of `gas`.
#[inline(never)]
fn grow(frame: &mut Frame, offset: usize, gas: &mut u64) -> bool {
    frame.gas.remaining = *gas;
    let grown = frame.expand(U256::from(offset), U256::from(32)).is_ok();
    *gas = frame.gas.remaining;
    grown
}

fn output(frame: &mut Frame, exit: Exit) -> Action {
    match control_flow::end_with_output(frame, exit) {
        Ok(exit) => Action::Exit(exit),
        Err(interrupt) => interrupt.into(),
    }
}

/// What an instruction pushes that only reads the block, the transaction or the size of memory.
#[inline(never)]
fn environment_word<H: Host + ?Sized>(opcode: u8, frame: &Frame, host: &mut H) -> U256 {
    let environment = host.environment();
    let (block, transaction) = (environment.block, environment.transaction);
    match opcode {
        table::ORIGIN => from_address(transaction.origin),
        table::GASPRICE => transaction.gas_price,
        table::COINBASE => from_address(block.coinbase),
        table::TIMESTAMP => U256::from(block.timestamp),
        table::NUMBER => U256::from(block.number),
        table::PREVRANDAO => crate::block::prev_randao(environment, frame.schedule()),
        table::GASLIMIT => U256::from(block.gas_limit),
        table::CHAINID => U256::from(block.chain_id),
        table::BASEFEE => block.base_fee,
        table::BLOBBASEFEE => block.blob_base_fee,
        table::MSIZE => U256::from(frame.memory.size()),
        _ => unreachable!("`translate` asks for these only"),
    }
}

/// Whether [`body`] knows an instruction.
pub(super) fn has_body(opcode: u8) -> bool {
    matches!(
        opcode,
        table::KECCAK256
            | table::SLOAD
            | table::SSTORE
            | table::TLOAD
            | table::TSTORE
            | table::MSTORE8
            | table::MCOPY
            | table::BALANCE
            | table::SELFBALANCE
            | table::CALLDATACOPY
            | table::CODECOPY
            | table::RETURNDATACOPY
            | table::EXTCODESIZE
            | table::EXTCODECOPY
            | table::EXTCODEHASH
            | table::BLOCKHASH
            | table::LOG0..=table::LOG4
    )
}

/// The bodies of tier 0 that work on the frame and come back.
fn body<H: Host + ?Sized>(opcode: u8, frame: &mut Frame, host: &mut H) -> Result<(), Interrupt> {
    match opcode {
        table::KECCAK256 => keccak::hash(frame),
        table::SLOAD => storage::load(frame, host),
        table::SSTORE => storage::store(frame, host),
        table::TLOAD => storage::transient_load(frame, host),
        table::TSTORE => storage::transient_store(frame, host),
        table::MSTORE8 => memory::store_byte(frame),
        table::MCOPY => memory::copy(frame),
        table::BALANCE => environment::balance(frame, host),
        table::SELFBALANCE => environment::self_balance(frame, host),
        table::CALLDATACOPY => environment::calldata_copy(frame),
        table::CODECOPY => environment::code_copy(frame),
        table::RETURNDATACOPY => environment::return_data_copy(frame),
        table::EXTCODESIZE => environment::ext_code_size(frame, host),
        table::EXTCODECOPY => environment::ext_code_copy(frame, host),
        table::EXTCODEHASH => environment::ext_code_hash(frame, host),
        table::BLOCKHASH => block::block_hash(frame, host),
        table::LOG0..=table::LOG4 => log::log(frame, host, opcode - table::LOG0),
        _ => unreachable!("`translate` asks for these only"),
    }
}

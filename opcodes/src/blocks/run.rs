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

/// Runs a frame from its position until there is an action, which it writes; says no where tier 0 has to go
/// on.
///
/// # Safety
/// `blocks` was translated from the frame's code, for its fork, and lives as long as this runs.
pub(crate) unsafe fn run<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    blocks: &Blocks,
    action: &mut Action,
) -> bool {
    let schedule = frame.schedule();
    let ops = blocks.ops.as_ptr();
    // The word on top lives in four limbs, so that no address of it exists; its place below `top` is
    // stale.
    let mut top = frame.stack.top();
    // What the macros below rely on, by number:
    // 1. There is always a word below the cursor, and the stack is used in no other way while the
    //    cursor is (see `Stack`).
    // 2. A block's operations run only after `enter_at` has checked the stack's height for all its
    //    instructions, and they move the words that those instructions do.
    // 3. Every block's entry, every jump's target, and what follows a conditional jump or a block
    //    without a jump of its own, is a header; behind a header stand its skipped ones and its
    //    operations; and the last block ends with an operation that leaves (`translate`). So `ip`
    //    stays within `ops`.
    // 4. An index is a place in `constants` (`translate`).

    // SAFETY: by 1.
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
            // SAFETY: by 1.
            unsafe { top.spill(tos!()) };
            frame.stack.set_top(top);
            frame.gas.remaining = gas + $refund as u64;
            frame.pc = $pc as usize;
            return false;
        }};
    }
    // Enters the block whose header stands at `$header`, if its bounds hold.
    macro_rules! enter_at {
        ($header:expr) => {{
            let place: *const Op = $header;
            // SAFETY: by 3.
            let header = match unsafe { &*place } {
                Op::Block(header) | Op::Run(header) => header,
                op if cfg!(debug_assertions) => unreachable!("{op:?} where a block was to begin"),
                // SAFETY: by 3.
                _ => unsafe { core::hint::unreachable_unchecked() },
            };
            // One comparison for both bounds: a height below `need` wraps around.
            if top.bytes().wrapping_sub(header.need as usize) > header.room as usize
                || gas < header.gas as u64
            {
                plain!(header.pc, 0);
            }
            gas -= header.gas as u64;
            // SAFETY: by 3.
            ip = unsafe { place.add(1) };
        }};
    }
    macro_rules! enter {
        ($block:expr) => {{
            debug_assert!(($block as usize) < blocks.ops.len());
            // SAFETY: by 3.
            enter_at!(unsafe { ops.add($block as usize) })
        }};
    }
    // Adds a word.
    macro_rules! push {
        ($word:expr) => {{
            let word: U256 = $word;
            // SAFETY: by 1 and 2.
            unsafe {
                top.spill(tos!());
                top.grow();
            }
            set!(word);
        }};
    }
    // A word below the top, which is at depth 1.
    macro_rules! get {
        ($depth:expr) => {{
            // SAFETY: by 2.
            unsafe { top.get($depth as usize) }
        }};
    }
    macro_rules! put {
        ($depth:expr, $word:expr) => {{
            let word: U256 = $word;
            // SAFETY: by 2.
            unsafe { top.set($depth as usize, word) };
        }};
    }
    // Drops words from under the top, which stays.
    macro_rules! shrink {
        ($count:expr) => {
            // SAFETY: by 2.
            unsafe { top.drop($count as usize) }
        };
    }
    // Drops words, the top among them.
    macro_rules! drop {
        ($count:expr) => {{
            shrink!($count);
            // SAFETY: by 1.
            set!(unsafe { top.reload() });
        }};
    }
    // Any word, the top among them.
    macro_rules! copy {
        ($depth:expr) => {{
            // SAFETY: by 1.
            unsafe { top.spill(tos!()) };
            get!($depth)
        }};
    }
    macro_rules! dup {
        ($depth:expr) => {{
            let word = copy!($depth);
            // SAFETY: by 2.
            unsafe { top.grow() };
            set!(word);
        }};
    }
    macro_rules! swap {
        ($depth:expr) => {{
            let depth = $depth as usize + 1;
            let word = get!(depth);
            put!(depth, tos!());
            set!(word);
        }};
    }
    macro_rules! wide {
        ($index:expr) => {{
            debug_assert!(($index as usize) < blocks.constants.len());
            // SAFETY: by 4.
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
    // Goes to a block, or to the next one, by a condition on so many of the topmost words, which go.
    macro_rules! branch {
        ($count:literal, $condition:expr, $block:expr) => {{
            let is_taken: bool = $condition;
            drop!($count);
            branch!(is_taken, $block)
        }};
        ($is_taken:expr, $block:expr) => {
            if $is_taken {
                enter!($block)
            } else {
                enter_at!(ip)
            }
        };
    }
    macro_rules! end {
        ($pc:expr, $action:expr) => {{
            frame.pc = $pc as usize;
            *action = $action;
            return true;
        }};
    }
    // Makes the frame current for a body, with the gas that was charged ahead.
    macro_rules! put_back {
        ($after:expr) => {
            // SAFETY: by 1.
            unsafe { top.spill(tos!()) };
            frame.stack.set_top(top);
            frame.gas.remaining = gas + $after as u64;
        };
    }

    let Some(entry) = blocks.entry(frame.pc) else {
        return false;
    };
    enter!(entry);

    macro_rules! interpret {
        ($($name:ident: $plain:ident $constant:ident $wide:ident $dup:ident $dup_constant:ident, $body:path;)*) => {
            loop {
                // A pointer to all operations. One made of a reference to this one could not be moved to the next.
                let here = ip;
                // SAFETY: by 3.
                ip = unsafe { here.add(1) };
                // SAFETY: by 3. Matched behind the reference: taken out of it, each operation would be copied first.
                let op = unsafe { &*here };
                match *op {
                    Op::Block(_) => enter_at!(here),
                    // SAFETY: by 3.
                    Op::Run(header) => ip = unsafe { ip.add(header.skip as usize) },
                    $(
                        Op::$plain => {
                            let under = get!(2);
                            shrink!(1);
                            set!($body(tos!(), under));
                        }
                        Op::$constant { value } => set!($body(U256([value, 0, 0, 0]), tos!())),
                        Op::$wide { index } => set!($body(wide!(index), tos!())),
                        Op::$dup { depth } => set!($body(get!(depth), tos!())),
                        Op::$dup_constant { depth, value } => {
                            push!($body(U256([value, 0, 0, 0]), copy!(depth)))
                        }
                    )*
                    Op::SubReversed => {
                        let under = get!(2);
                        shrink!(1);
                        set!(word::sub(under, tos!()));
                    }
                    Op::DivBy { value } => set!(word::div(tos!(), U256([value, 0, 0, 0]))),
                    Op::ModBy { value } => set!(word::rem(tos!(), U256([value, 0, 0, 0]))),
                    Op::IsZero => set!(comparison::iszero(tos!())),
                    Op::Not => set!(bitwise::not(tos!())),
                    Op::Clz => set!(bitwise::clz(tos!())),
                    Op::AddMod => {
                        let (b, n) = (get!(2), get!(3));
                        shrink!(2);
                        set!(arithmetic::addmod(tos!(), b, n));
                    }
                    Op::MulMod => {
                        let (b, n) = (get!(2), get!(3));
                        shrink!(2);
                        set!(arithmetic::mulmod(tos!(), b, n));
                    }
                    Op::Exp { pc, rest } => {
                        let exponent = get!(2);
                        match gas.checked_sub(arithmetic::exp_gas(exponent, schedule)) {
                            Some(left) => gas = left,
                            None => plain!(pc, rest),
                        }
                        shrink!(1);
                        set!(arithmetic::exp(tos!(), exponent));
                    }
                    Op::CallDataLoad => set!(environment::calldata_load(frame.input.bytes(), tos!())),
                    Op::CallDataLoadAt { offset } => push!(environment::calldata_load(
                        frame.input.bytes(),
                        U256([offset, 0, 0, 0])
                    )),
                    Op::BlobHash => set!(environment::blob_hash(host.environment(), tos!())),
                    Op::Address => push!(from_address(frame.context.address)),
                    Op::Caller => push!(from_address(frame.context.caller)),
                    Op::CallValue => push!(frame.context.value),
                    Op::CallDataSize => push!(U256::from(frame.input.bytes().len())),
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
                    Op::Copy { depth } => put!(depth, tos!()),
                    Op::Set { value } => set!(U256([value, 0, 0, 0])),
                    Op::Sink { depth } => {
                        put!(depth as usize + 1, tos!());
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
                    Op::MStoreConst { pc, rest, value } => {
                        let bytes = memory_word!(word_mut, to_usize_saturating(tos!()), pc, rest);
                        write_be(U256([value, 0, 0, 0]), bytes);
                    }
                    Op::MStoreDupConst { depth, pc, rest, value } => {
                        let offset = to_usize_saturating(get!(depth));
                        let bytes = memory_word!(word_mut, offset, pc, rest);
                        write_be(U256([value, 0, 0, 0]), bytes);
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
                        // SAFETY: by 1.
                        set!(unsafe { top.reload() });
                        gas = frame.gas.remaining;
                        match gas.checked_sub(after as u64) {
                            Some(left) => gas = left,
                            None => plain!(pc + 1, 0),
                        }
                    }

                    Op::Jump { block } => enter!(block),
                    Op::JumpIf { block } => branch!(1, !word::is_zero(tos!()), block),
                    Op::JumpIfZero { block } => branch!(1, word::is_zero(tos!()), block),
                    Op::JumpIfTopIs { block, value } => {
                        branch!(word::eq(tos!(), U256([value, 0, 0, 0])), block)
                    }
                    Op::JumpIfEq { block } => branch!(2, word::eq(tos!(), get!(2)), block),
                    Op::JumpIfNotEq { block } => {
                        branch!(2, !word::eq(tos!(), get!(2)), block)
                    }
                    Op::JumpIfLt { block } => branch!(2, word::lt(tos!(), get!(2)), block),
                    Op::JumpIfNotLt { block } => {
                        branch!(2, !word::lt(tos!(), get!(2)), block)
                    }
                    Op::JumpIfGt { block } => branch!(2, word::gt(tos!(), get!(2)), block),
                    Op::JumpIfNotGt { block } => {
                        branch!(2, !word::gt(tos!(), get!(2)), block)
                    }
                    Op::JumpIfDup { depth, block } => branch!(!word::is_zero(get!(depth)), block),
                    Op::JumpIfDupZero { depth, block } => branch!(word::is_zero(get!(depth)), block),
                    Op::JumpIfLtDup { depth, block } => {
                        branch!(1, word::lt(get!(depth), tos!()), block)
                    }
                    Op::JumpIfNotLtDup { depth, block } => {
                        branch!(1, !word::lt(get!(depth), tos!()), block)
                    }
                    Op::JumpIfGtDup { depth, block } => {
                        branch!(1, word::gt(get!(depth), tos!()), block)
                    }
                    Op::JumpIfNotGtDup { depth, block } => {
                        branch!(1, !word::gt(get!(depth), tos!()), block)
                    }
                    Op::JumpIfSltDup { depth, block } => {
                        branch!(1, word::slt(get!(depth), tos!()), block)
                    }
                    Op::JumpIfNotSltDup { depth, block } => {
                        branch!(1, !word::slt(get!(depth), tos!()), block)
                    }
                    Op::JumpTo { pc, rest } => match target(frame, blocks, tos!()) {
                        Some(block) => {
                            drop!(1);
                            enter!(block)
                        }
                        None => plain!(pc, rest),
                    },
                    Op::JumpToUnder { pc, rest } => match target(frame, blocks, get!(2)) {
                        Some(block) => {
                            shrink!(1);
                            enter!(block)
                        }
                        None => plain!(pc, rest),
                    },
                    Op::JumpToBelow { count, pc, rest } => {
                        match target(frame, blocks, get!(count as usize + 1)) {
                            Some(block) => {
                                drop!(count as usize + 1);
                                enter!(block)
                            }
                            None => plain!(pc, rest),
                        }
                    }
                    Op::JumpToIf { pc, rest } => {
                        if word::is_zero(get!(2)) {
                            drop!(2);
                            enter_at!(ip)
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
                        match call::call(frame, host, kind, action) {
                            Ok(()) => {
                                frame.pc = pc as usize + 1;
                                return true;
                            }
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

//! The run loop: tier 0, the definition of what every instruction does.
//!
//! The loop checks the stack and takes the base gas before a body runs, and moves the words of
//! those bodies that are pure functions. What touches memory growth or the host works on the frame,
//! and any other tier shares it.

use crate::{
    Action, CallKind, CreateKind, Exit, Frame, Halt, Host, U256, arithmetic, bitwise, block,
    blocks::{self, Blocks},
    call, comparison, control_flow, create, environment, keccak, log,
    machine::{
        code::Analysis,
        schedule::GasSchedule,
        stack::STACK_LIMIT,
        word::{self, to_usize_saturating, write_be},
    },
    memory, storage,
    table::{self as op, Instruction},
    trace::{Step, Tracer},
};

/// Which engine runs a frame. Results, gas and halts are the same on all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Tier {
    /// Tier 0 alone: one instruction after the other.
    Plain,
    /// Tier 1 for all code that it can translate, from its first run: see the module `blocks`.
    Blocks,
    /// Tier 1 for code that has become hot, tier 0 until then.
    #[default]
    Adaptive,
}

/// Runs a frame until it ends or needs something that instructions cannot do.
pub fn run<H: Host + ?Sized>(frame: &mut Frame, host: &mut H) -> Action {
    run_with(frame, host, Tier::Adaptive)
}

/// Runs a frame as [`run`] does, on the tier that is asked for.
pub fn run_with<H: Host + ?Sized>(frame: &mut Frame, host: &mut H, tier: Tier) -> Action {
    let mut action = Action::Fault;
    run_into(frame, host, tier, &mut action);
    action
}

/// Runs a frame until there is an action, which it writes.
#[inline]
fn run_into<H: Host + ?Sized>(frame: &mut Frame, host: &mut H, tier: Tier, action: &mut Action) {
    let fork = frame.context.fork;
    match tier {
        Tier::Plain => {}
        Tier::Blocks => frame.code.translate(fork),
        Tier::Adaptive => {
            if frame.code.blocks(fork).is_none() && warm_up(frame, host, action) {
                return;
            }
        }
    }
    if tier != Tier::Plain
        && let Some(blocks) = frame.code.blocks(fork)
    {
        let blocks: *const Blocks = blocks;
        // SAFETY: 1. The blocks lie behind the `Arc` of `frame.code`, at a fixed address, and are
        // never replaced. 2. Nothing in a body replaces `frame.code`; the host gets no frame. 3. They
        // were translated from that code, for the frame's fork.
        let is_over = unsafe { blocks::run(frame, host, &*blocks, action) };
        if is_over {
            return;
        }
    }
    let (is_over, _) = execute::<H, false>(frame, host, UNBOUNDED, action);
    assert!(is_over, "nobody runs so many bytes");
}

/// Runs a frame on tier 0 until there is an action, which it writes, or until its code is hot; then
/// translates it.
fn warm_up<H: Host + ?Sized>(frame: &mut Frame, host: &mut H, action: &mut Action) -> bool {
    let Some(cold) = frame.code.bytes_until_hot() else {
        return false;
    };
    if cold > 0 {
        let (is_over, left) = execute::<H, false>(frame, host, cold, action);
        frame.code.add_heat(cold - left);
        if is_over {
            return true;
        }
    }
    frame.code.translate(frame.context.fork);
    false
}

/// Runs a frame as [`run`] does, and tells the tracer of every instruction.
pub fn run_traced<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    tracer: &mut dyn Tracer,
) -> Action {
    let mut action = Action::Fault;
    loop {
        let step = Step::of(frame);
        let (opcode, gas_before) = (step.opcode, step.gas);
        tracer.begin(&step);
        let (is_over, _) = execute::<H, true>(frame, host, UNBOUNDED, &mut action);
        let spent = gas_before - frame.gas.remaining;
        let halt = match &action {
            Action::Exit(Exit::Halt(halt)) if is_over => Some(*halt),
            _ => None,
        };
        let gas_cost = match halt {
            Some(Halt::OutOfGas) => spent.max(u64::from(frame.schedule().base(opcode))),
            _ => spent,
        };
        tracer.end(gas_cost, halt);
        if is_over {
            return action;
        }
    }
}

/// The row of an opcode that exists; a constant where `byte` is one.
const fn row(byte: u8) -> &'static Instruction {
    match op::info(byte) {
        Some(row) => row,
        None => panic!("no instruction has this byte"),
    }
}

/// More bytes of code than anyone runs: 2⁶² gas would pay for them.
const UNBOUNDED: u64 = 1 << 62;

/// Runs until there is an action, which it writes, or for one instruction with `STEP`, or up to the first
/// taken jump at which at least so many bytes of code have been run; says whether there is an action, and how
/// many bytes are left.
///
/// While it runs, `pc` (past the opcode), `top` and `gas` live in registers, and the frame's own are
/// stale; they are put back before anything else sees the frame.
fn execute<H: Host + ?Sized, const STEP: bool>(
    frame: &mut Frame,
    host: &mut H,
    bytes: u64,
    action: &mut Action,
) -> (bool, u64) {
    let schedule = frame.schedule();
    let analysis: *const Analysis = frame.code.analysis();
    // SAFETY: 1. The analysis lies behind the `Arc` of `frame.code`, at a fixed address. 2. Nothing
    // here or in a body replaces `frame.code`; the host and the tracer get no mutable frame.
    let analysis = unsafe { &*analysis };
    let start = analysis.padded().as_ptr();
    // SAFETY: 1. `frame.pc` is 0, or where an earlier run left off, within the padded code (see
    // `machine::code` for the proof that the counter stays there). The same holds wherever `pc` moves below.
    let mut pc = unsafe { start.add(frame.pc) };
    let mut top = frame.stack.top();
    let mut gas = frame.gas.remaining;
    // Where the bytes would end if there were no jumps: between two of them the counter is the count.
    let mut limit = frame.pc as u64 + bytes;

    macro_rules! position {
        () => {
            pc as usize - start as usize
        };
    }
    macro_rules! left {
        () => {
            limit.saturating_sub(position!() as u64)
        };
    }
    macro_rules! put_back {
        () => {
            frame.pc = position!();
            frame.stack.set_top(top);
            frame.gas.remaining = gas;
        };
    }
    macro_rules! take_out {
        () => {
            top = frame.stack.top();
            gas = frame.gas.remaining;
        };
    }
    // Leaves with an action, the counter on the instruction that ended the frame.
    macro_rules! end {
        ($action:expr) => {{
            frame.pc -= 1;
            *action = $action;
            return (true, left!());
        }};
    }

    let halt = 'run: loop {
        // SAFETY: 1. `pc` is within the padded code.
        let opcode = unsafe { *pc };
        pc = unsafe { pc.add(1) };

        // Stack and base gas of an instruction, by its row: constants where no fork differs.
        macro_rules! enter {
            ($name:ident) => {{
                const ROW: &Instruction = row(op::$name);
                const POPS: usize = ROW.pops as usize * size_of::<U256>();
                const GROWTH: usize = (ROW.pushes as usize).saturating_sub(ROW.pops as usize);
                const FULL: usize = (STACK_LIMIT - GROWTH) * size_of::<U256>();
                let base = if const { ROW.is_constant() } {
                    const { ROW.gas[0].1 }
                } else {
                    schedule.base(op::$name)
                };
                let is_undefined = !const { ROW.is_constant() } && base == GasSchedule::UNDEFINED;
                let height = top.bytes();
                if is_undefined || (POPS > 0 && height < POPS) || (GROWTH > 0 && height > FULL) {
                    break 'run None;
                }
                match gas.checked_sub(base as u64) {
                    Some(left) => gas = left,
                    None => break 'run None,
                }
            }};
        }
        // SAFETY of the four macros: 1. `enter` has checked the height for the row's pops and pushes,
        // and each moves just those words.
        macro_rules! unary {
            ($name:ident, $body:expr) => {{
                enter!($name);
                unsafe { top.set(1, $body(top.get(1))) };
            }};
        }
        macro_rules! binary {
            ($name:ident, $body:expr) => {{
                enter!($name);
                unsafe {
                    let result = $body(top.get(1), top.get(2));
                    top.drop(1);
                    top.set(1, result);
                }
            }};
        }
        macro_rules! ternary {
            ($name:ident, $body:expr) => {{
                enter!($name);
                unsafe {
                    let result = $body(top.get(1), top.get(2), top.get(3));
                    top.drop(2);
                    top.set(1, result);
                }
            }};
        }
        macro_rules! push {
            ($name:ident, $word:expr) => {{
                enter!($name);
                let word: U256 = $word;
                unsafe { top.push(word) };
            }};
        }
        macro_rules! push_immediate {
            ($name:ident, $bytes:literal) => {{
                enter!($name);
                // SAFETY: 1. An instruction begins within the code, so its immediate bytes, and the
                // eight that are read for a short one, are within the padding.
                unsafe {
                    top.push(immediate::<$bytes>(pc));
                    pc = pc.add($bytes);
                }
            }};
        }
        macro_rules! dup {
            ($name:ident, $depth:literal) => {{
                enter!($name);
                // SAFETY: 1. `enter` has checked for `$depth` words, which the row pops, and for room.
                unsafe { top.push(top.get($depth)) };
            }};
        }
        macro_rules! swap {
            ($name:ident, $depth:literal) => {{
                enter!($name);
                // SAFETY: 1. `enter` has checked for `$depth` words, which the row pops.
                unsafe {
                    let (upper, lower) = (top.get(1), top.get($depth));
                    top.set(1, lower);
                    top.set($depth, upper);
                }
            }};
        }
        // A body that works on the frame.
        macro_rules! on_frame {
            ($body:expr) => {{
                put_back!();
                match $body {
                    Ok(()) => {}
                    Err(interrupt) => end!(interrupt.into()),
                }
                take_out!();
            }};
        }
        macro_rules! heavy {
            ($name:ident, $body:expr) => {{
                enter!($name);
                on_frame!($body)
            }};
        }
        // A body that writes an action which the frame goes on after, or that ends it (`Exit`).
        macro_rules! leave {
            ($name:ident, $body:expr, Exit) => {{
                enter!($name);
                put_back!();
                match $body {
                    Ok(exit) => end!(Action::Exit(exit)),
                    Err(interrupt) => end!(interrupt.into()),
                }
            }};
            ($name:ident, $body:expr) => {{
                enter!($name);
                put_back!();
                match $body {
                    Ok(()) => return (true, left!()),
                    Err(interrupt) => end!(interrupt.into()),
                }
            }};
        }
        macro_rules! jump {
            ($target:expr) => {
                match control_flow::destination(analysis, $target) {
                    // SAFETY: 1. A jump destination is a position in the code.
                    Some(position) => {
                        let left = left!();
                        pc = unsafe { start.add(position) };
                        if left == 0 {
                            put_back!();
                            return (false, 0);
                        }
                        limit = position as u64 + left;
                    }
                    None => break 'run Some(Halt::InvalidJump),
                }
            };
        }

        match opcode {
            op::STOP => {
                put_back!();
                end!(Action::Exit(Exit::Stop))
            }
            op::ADD => binary!(ADD, arithmetic::add),
            op::MUL => binary!(MUL, arithmetic::mul),
            op::SUB => binary!(SUB, arithmetic::sub),
            op::DIV => binary!(DIV, arithmetic::div),
            op::SDIV => binary!(SDIV, arithmetic::sdiv),
            op::MOD => binary!(MOD, arithmetic::rem),
            op::SMOD => binary!(SMOD, arithmetic::smod),
            op::ADDMOD => ternary!(ADDMOD, arithmetic::addmod),
            op::MULMOD => ternary!(MULMOD, arithmetic::mulmod),
            op::EXP => {
                enter!(EXP);
                // SAFETY: 1. `enter` has found two words.
                let (base, exponent) = unsafe { (top.get(1), top.get(2)) };
                match gas.checked_sub(arithmetic::exp_gas(exponent, schedule)) {
                    Some(left) => gas = left,
                    None => break 'run Some(Halt::OutOfGas),
                }
                // SAFETY: as above.
                unsafe {
                    top.drop(1);
                    top.set(1, arithmetic::exp(base, exponent));
                }
            }
            op::SIGNEXTEND => binary!(SIGNEXTEND, arithmetic::signextend),

            op::LT => binary!(LT, comparison::lt),
            op::GT => binary!(GT, comparison::gt),
            op::SLT => binary!(SLT, comparison::slt),
            op::SGT => binary!(SGT, comparison::sgt),
            op::EQ => binary!(EQ, comparison::eq),
            op::ISZERO => unary!(ISZERO, comparison::iszero),
            op::AND => binary!(AND, bitwise::and),
            op::OR => binary!(OR, bitwise::or),
            op::XOR => binary!(XOR, bitwise::xor),
            op::NOT => unary!(NOT, bitwise::not),
            op::BYTE => binary!(BYTE, bitwise::byte),
            op::SHL => binary!(SHL, bitwise::shl),
            op::SHR => binary!(SHR, bitwise::shr),
            op::SAR => binary!(SAR, bitwise::sar),
            op::CLZ => unary!(CLZ, bitwise::clz),
            op::KECCAK256 => heavy!(KECCAK256, keccak::hash(frame)),

            op::ADDRESS => push!(ADDRESS, word::from_address(frame.context.address)),
            op::BALANCE => heavy!(BALANCE, environment::balance(frame, host)),
            op::ORIGIN => push!(
                ORIGIN,
                word::from_address(host.environment().transaction.origin)
            ),
            op::CALLER => push!(CALLER, word::from_address(frame.context.caller)),
            op::CALLVALUE => push!(CALLVALUE, frame.context.value),
            op::CALLDATALOAD => {
                unary!(CALLDATALOAD, |offset| environment::calldata_load(
                    frame.input.bytes(),
                    offset
                ))
            }
            op::CALLDATASIZE => push!(CALLDATASIZE, U256::from(frame.input.bytes().len())),
            op::CALLDATACOPY => heavy!(CALLDATACOPY, environment::calldata_copy(frame)),
            op::CODESIZE => push!(CODESIZE, U256::from(analysis.length())),
            op::CODECOPY => heavy!(CODECOPY, environment::code_copy(frame)),
            op::GASPRICE => push!(GASPRICE, host.environment().transaction.gas_price),
            op::EXTCODESIZE => heavy!(EXTCODESIZE, environment::ext_code_size(frame, host)),
            op::EXTCODECOPY => heavy!(EXTCODECOPY, environment::ext_code_copy(frame, host)),
            op::RETURNDATASIZE => push!(RETURNDATASIZE, U256::from(frame.return_data.len())),
            op::RETURNDATACOPY => heavy!(RETURNDATACOPY, environment::return_data_copy(frame)),
            op::EXTCODEHASH => heavy!(EXTCODEHASH, environment::ext_code_hash(frame, host)),

            op::BLOCKHASH => heavy!(BLOCKHASH, block::block_hash(frame, host)),
            op::COINBASE => push!(
                COINBASE,
                word::from_address(host.environment().block.coinbase)
            ),
            op::TIMESTAMP => push!(TIMESTAMP, U256::from(host.environment().block.timestamp)),
            op::NUMBER => push!(NUMBER, U256::from(host.environment().block.number)),
            op::PREVRANDAO => push!(PREVRANDAO, block::prev_randao(host.environment(), schedule)),
            op::GASLIMIT => push!(GASLIMIT, U256::from(host.environment().block.gas_limit)),
            op::CHAINID => push!(CHAINID, U256::from(host.environment().block.chain_id)),
            op::SELFBALANCE => heavy!(SELFBALANCE, environment::self_balance(frame, host)),
            op::BASEFEE => push!(BASEFEE, host.environment().block.base_fee),
            op::BLOBHASH => unary!(BLOBHASH, |index| environment::blob_hash(
                host.environment(),
                index
            )),
            op::BLOBBASEFEE => push!(BLOBBASEFEE, host.environment().block.blob_base_fee),

            op::POP => {
                enter!(POP);
                // SAFETY: 1. `enter` has found a word.
                unsafe { top.drop(1) };
            }
            op::MLOAD => {
                enter!(MLOAD);
                // SAFETY: 1. `enter` has found a word.
                let offset = to_usize_saturating(unsafe { top.get(1) });
                match frame.memory.word(offset) {
                    // SAFETY: as above.
                    Some(word) => unsafe { top.set(1, word) },
                    None => on_frame!(memory::load(frame)),
                }
            }
            op::MSTORE => {
                enter!(MSTORE);
                // SAFETY: 1. `enter` has found two words.
                let (offset, word) = unsafe { (to_usize_saturating(top.get(1)), top.get(2)) };
                match frame.memory.word_mut(offset) {
                    Some(bytes) => {
                        write_be(word, bytes);
                        // SAFETY: as above.
                        unsafe { top.drop(2) };
                    }
                    None => on_frame!(memory::store(frame)),
                }
            }
            op::MSTORE8 => heavy!(MSTORE8, memory::store_byte(frame)),
            op::SLOAD => heavy!(SLOAD, storage::load(frame, host)),
            op::SSTORE => heavy!(SSTORE, storage::store(frame, host)),
            op::JUMP => {
                enter!(JUMP);
                // SAFETY: 1. `enter` has found a word.
                let target = unsafe { top.get(1) };
                unsafe { top.drop(1) };
                jump!(target)
            }
            op::JUMPI => {
                enter!(JUMPI);
                // SAFETY: 1. `enter` has found two words.
                let (target, condition) = unsafe { (top.get(1), top.get(2)) };
                unsafe { top.drop(2) };
                if !word::is_zero(condition) {
                    jump!(target)
                }
            }
            op::PC => push!(PC, U256::from(position!() - 1)),
            op::MSIZE => push!(MSIZE, U256::from(frame.memory.size())),
            op::GAS => push!(GAS, U256::from(gas)),
            op::JUMPDEST => enter!(JUMPDEST),
            op::TLOAD => heavy!(TLOAD, storage::transient_load(frame, host)),
            op::TSTORE => heavy!(TSTORE, storage::transient_store(frame, host)),
            op::MCOPY => heavy!(MCOPY, memory::copy(frame)),

            op::PUSH0 => push!(PUSH0, U256::zero()),
            op::PUSH1 => push_immediate!(PUSH1, 1),
            op::PUSH2 => push_immediate!(PUSH2, 2),
            op::PUSH3 => push_immediate!(PUSH3, 3),
            op::PUSH4 => push_immediate!(PUSH4, 4),
            op::PUSH5 => push_immediate!(PUSH5, 5),
            op::PUSH6 => push_immediate!(PUSH6, 6),
            op::PUSH7 => push_immediate!(PUSH7, 7),
            op::PUSH8 => push_immediate!(PUSH8, 8),
            op::PUSH9 => push_immediate!(PUSH9, 9),
            op::PUSH10 => push_immediate!(PUSH10, 10),
            op::PUSH11 => push_immediate!(PUSH11, 11),
            op::PUSH12 => push_immediate!(PUSH12, 12),
            op::PUSH13 => push_immediate!(PUSH13, 13),
            op::PUSH14 => push_immediate!(PUSH14, 14),
            op::PUSH15 => push_immediate!(PUSH15, 15),
            op::PUSH16 => push_immediate!(PUSH16, 16),
            op::PUSH17 => push_immediate!(PUSH17, 17),
            op::PUSH18 => push_immediate!(PUSH18, 18),
            op::PUSH19 => push_immediate!(PUSH19, 19),
            op::PUSH20 => push_immediate!(PUSH20, 20),
            op::PUSH21 => push_immediate!(PUSH21, 21),
            op::PUSH22 => push_immediate!(PUSH22, 22),
            op::PUSH23 => push_immediate!(PUSH23, 23),
            op::PUSH24 => push_immediate!(PUSH24, 24),
            op::PUSH25 => push_immediate!(PUSH25, 25),
            op::PUSH26 => push_immediate!(PUSH26, 26),
            op::PUSH27 => push_immediate!(PUSH27, 27),
            op::PUSH28 => push_immediate!(PUSH28, 28),
            op::PUSH29 => push_immediate!(PUSH29, 29),
            op::PUSH30 => push_immediate!(PUSH30, 30),
            op::PUSH31 => push_immediate!(PUSH31, 31),
            op::PUSH32 => push_immediate!(PUSH32, 32),
            op::DUP1 => dup!(DUP1, 1),
            op::DUP2 => dup!(DUP2, 2),
            op::DUP3 => dup!(DUP3, 3),
            op::DUP4 => dup!(DUP4, 4),
            op::DUP5 => dup!(DUP5, 5),
            op::DUP6 => dup!(DUP6, 6),
            op::DUP7 => dup!(DUP7, 7),
            op::DUP8 => dup!(DUP8, 8),
            op::DUP9 => dup!(DUP9, 9),
            op::DUP10 => dup!(DUP10, 10),
            op::DUP11 => dup!(DUP11, 11),
            op::DUP12 => dup!(DUP12, 12),
            op::DUP13 => dup!(DUP13, 13),
            op::DUP14 => dup!(DUP14, 14),
            op::DUP15 => dup!(DUP15, 15),
            op::DUP16 => dup!(DUP16, 16),
            op::SWAP1 => swap!(SWAP1, 2),
            op::SWAP2 => swap!(SWAP2, 3),
            op::SWAP3 => swap!(SWAP3, 4),
            op::SWAP4 => swap!(SWAP4, 5),
            op::SWAP5 => swap!(SWAP5, 6),
            op::SWAP6 => swap!(SWAP6, 7),
            op::SWAP7 => swap!(SWAP7, 8),
            op::SWAP8 => swap!(SWAP8, 9),
            op::SWAP9 => swap!(SWAP9, 10),
            op::SWAP10 => swap!(SWAP10, 11),
            op::SWAP11 => swap!(SWAP11, 12),
            op::SWAP12 => swap!(SWAP12, 13),
            op::SWAP13 => swap!(SWAP13, 14),
            op::SWAP14 => swap!(SWAP14, 15),
            op::SWAP15 => swap!(SWAP15, 16),
            op::SWAP16 => swap!(SWAP16, 17),

            op::LOG0 => heavy!(LOG0, log::log(frame, host, 0)),
            op::LOG1 => heavy!(LOG1, log::log(frame, host, 1)),
            op::LOG2 => heavy!(LOG2, log::log(frame, host, 2)),
            op::LOG3 => heavy!(LOG3, log::log(frame, host, 3)),
            op::LOG4 => heavy!(LOG4, log::log(frame, host, 4)),
            op::CREATE => leave!(CREATE, create::create(frame, CreateKind::Create, action)),
            op::CALL => leave!(CALL, call::call(frame, host, CallKind::Call, action)),
            op::CALLCODE => leave!(
                CALLCODE,
                call::call(frame, host, CallKind::CallCode, action)
            ),
            op::RETURN => leave!(
                RETURN,
                control_flow::end_with_output(frame, Exit::Return),
                Exit
            ),
            op::DELEGATECALL => leave!(
                DELEGATECALL,
                call::call(frame, host, CallKind::DelegateCall, action)
            ),
            op::CREATE2 => leave!(CREATE2, create::create(frame, CreateKind::Create2, action)),
            op::STATICCALL => leave!(
                STATICCALL,
                call::call(frame, host, CallKind::StaticCall, action)
            ),
            op::REVERT => leave!(
                REVERT,
                control_flow::end_with_output(frame, Exit::Revert),
                Exit
            ),
            op::SELFDESTRUCT => {
                leave!(SELFDESTRUCT, control_flow::self_destruct(frame, host), Exit)
            }
            // INVALID among them.
            _ => break 'run Some(Halt::InvalidOpcode(opcode)),
        }
        if STEP {
            put_back!();
            return (false, left!());
        }
    };
    put_back!();
    frame.pc -= 1;
    let halt = halt.unwrap_or_else(|| failed_check(frame));
    *action = Action::Exit(Exit::Halt(halt));
    (true, left!())
}

/// Which check an instruction has failed before its body; the first of them, where it fails more.
#[cold]
fn failed_check(frame: &Frame) -> Halt {
    let opcode = Step::of(frame).opcode;
    let row = match op::info(opcode) {
        Some(row) if row.since() <= frame.context.fork => row,
        _ => return Halt::InvalidOpcode(opcode),
    };
    let height = frame.stack().len();
    if height < usize::from(row.pops) {
        return Halt::StackUnderflow;
    }
    if height + usize::from(row.pushes) > STACK_LIMIT + usize::from(row.pops) {
        return Halt::StackOverflow;
    }
    Halt::OutOfGas
}

/// The word that `N` big-endian bytes make, 1 to 32; each limb by one load.
///
/// # Safety
/// At least `N`, and at least eight, bytes can be read at `bytes`.
#[inline(always)]
unsafe fn immediate<const N: usize>(bytes: *const u8) -> U256 {
    let mut limbs = [0; 4];
    let mut index = 0;
    while index < 4 && N > 8 * index {
        let left = N - 8 * index;
        let skipped = left.saturating_sub(8);
        // SAFETY: 1. The load ends at `left` bytes, which is at most `N`, or at 8.
        let limb = unsafe { bytes.add(skipped).cast::<[u8; 8]>().read() };
        limbs[index] = u64::from_be_bytes(limb) >> (64 - 8 * left.min(8));
        index += 1;
    }
    U256(limbs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn immediates_are_big_endian_at_every_length() {
        let bytes: [u8; 40] = core::array::from_fn(|index| index as u8 + 1);
        macro_rules! check {
            ($($n:literal)+) => {$(
                // SAFETY: 40 bytes can be read.
                let word = unsafe { immediate::<$n>(bytes.as_ptr()) };
                assert_eq!(word, U256::from_big_endian(&bytes[..$n]));
            )+};
        }
        check!(1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
    }
}

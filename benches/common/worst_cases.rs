//! Blocks that take as much time for their gas as their maker could think of.
//!
//! Each is built anew for every run, so that no code has been analysed or translated before.

use ark_bn254::G2Affine;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInteger, PrimeField};
use bytes::Bytes;
use deferevm::{
    Address, Fork, U256,
    block::Block,
    bytecode::Bytecode,
    call::Policy,
    example::workloads,
    opcode::*,
    precompiles::Precompiles,
    state::InMemoryDatabase,
    transaction::{Recovered, Transaction},
};

/// The state before a block, and the block.
pub type World = (InMemoryDatabase, Block);

/// A block, and how it is run.
pub struct Case {
    pub name: String,
    pub fork: Fork,
    pub policy: Policy,
    /// Whether it is the gas that transactions buy that bounds their work, and not what they use.
    pub is_bought: bool,
    pub make: Box<dyn Fn() -> World>,
}

/// What a transaction of Ethereum's may use since Osaka, and twice that.
const BUDGET: u64 = 1 << 25;
/// The largest code that can be deployed, and the largest init code.
const CODE_BYTES: usize = 24_576;
const INIT_CODE_BYTES: usize = 49_152;

const FIRST: Address = Address::repeat_byte(0x0f);
/// Callees have this number and those behind it.
const CALLEES: u64 = 0x10_0000;

/// All of them.
pub fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(memory());
    cases.extend(calls());
    cases.extend(codes());
    cases.extend(precompiles());
    cases.extend(deferred());
    cases
}

fn synchronous(name: &str, fork: Fork, make: impl Fn() -> World + 'static) -> Case {
    Case {
        name: name.to_owned(),
        fork,
        policy: Policy::Synchronous,
        is_bought: false,
        make: Box::new(make),
    }
}

/// One contract that one transaction calls with all gas.
fn one(code: Bytecode, input: &[u8]) -> World {
    let mut world = World::default();
    deploy(&mut world, FIRST, &code);
    send(&mut world, Some(FIRST), BUDGET, input);
    world
}

fn deploy((state, _): &mut World, address: Address, code: &Bytecode) {
    state.insert_account(address, U256::zero(), 1, &code.code());
}

fn send((state, block): &mut World, to: Option<Address>, gas_limit: u64, input: &[u8]) {
    let number = block.transactions.len() as u64;
    let sender = Address::from_low_u64_be(0xa000_0000 + number);
    state.insert_account(sender, U256::zero(), 0, &Bytecode::new().code());
    block.environment.gas_limit = u64::MAX / 2;
    block.environment.chain_id = 1;
    let transaction = Transaction {
        to,
        gas_limit,
        input: Bytes::copy_from_slice(input),
        ..Transaction::default()
    };
    block
        .transactions
        .push(Recovered::unsigned(transaction, sender));
}

/// `first`, then `body` until the gas is used up.
fn forever(first: Bytecode, body: impl FnOnce(Bytecode) -> Bytecode) -> Bytecode {
    let start = first.len() as u64;
    body(first.jump_destination()).push(start).op(JUMP)
}

/// A call with all gas and without a value or an output.
fn call(
    code: Bytecode,
    opcode: u8,
    to: impl Into<deferevm::bytecode::Word>,
    input: u64,
) -> Bytecode {
    let code = code.push(0).push(0).push(input).push(0);
    let code = if opcode == CALL { code.push(0) } else { code };
    code.push(to).op(GAS).op(opcode).op(POP)
}

fn callee() -> Address {
    Address::from_low_u64_be(CALLEES)
}

fn memory() -> Vec<Case> {
    let grow = |bytes: u64| Bytecode::new().call(MSTORE, [bytes - 32, 1]);
    vec![
        // 3 w + w² / 512 gas for w words.
        synchronous("memory: one growth for all gas", Fork::Prague, move || {
            one(grow(32 * 129_900), &[])
        }),
        synchronous("memory: 16 KiB in each call", Fork::Prague, move || {
            let mut world = one(
                forever(Bytecode::new(), |code| call(code, CALL, callee(), 0)),
                &[],
            );
            deploy(&mut world, callee(), &grow(16 << 10));
            world
        }),
        synchronous("memory: copies of 64 KiB", Fork::Prague, || {
            let first = Bytecode::new().call(MSTORE, [128 << 10, 1]);
            one(
                forever(first, |code| code.call(MCOPY, [0, 65_537, 65_536])),
                &[],
            )
        }),
        synchronous("memory: hashes of 64 KiB", Fork::Prague, || {
            let first = Bytecode::new().call(MSTORE, [64 << 10, 1]);
            let hash = |code: Bytecode| code.call(KECCAK256, [0, 65_536]).op(POP);
            one(forever(first, hash), &[])
        }),
    ]
}

fn calls() -> Vec<Case> {
    // Before EIP-150 a call may pass on all gas but what it costs.
    let itself = || {
        let code = Bytecode::new().push(0).push(0).push(0).push(0).push(0);
        code.op(ADDRESS)
    };
    let nested = |code: Bytecode| {
        let mut world = World::default();
        deploy(&mut world, FIRST, &code);
        (0..300).for_each(|_| send(&mut world, Some(FIRST), 400_000, &[]));
        world
    };
    vec![
        synchronous("calls: 1,024 deep at 40 gas", Fork::Homestead, move || {
            nested(itself().push(200).op(GAS).op(SUB).op(CALL))
        }),
        synchronous(
            "calls: as deep as 63/64 of the gas go",
            Fork::Prague,
            move || nested(itself().op(GAS).op(CALL)),
        ),
        synchronous("calls: of an account without code", Fork::Prague, || {
            one(
                forever(Bytecode::new(), |code| call(code, CALL, callee(), 0)),
                &[],
            )
        }),
        synchronous("calls: with a megabyte of input", Fork::Prague, || {
            let first = Bytecode::new().call(MSTORE, [(1 << 20) - 32, 1]);
            let mut world = one(
                forever(first, |code| call(code, CALL, callee(), 1 << 20)),
                &[],
            );
            deploy(&mut world, callee(), &Bytecode::new().op(STOP));
            world
        }),
        synchronous("accounts: each read once", Fork::Prague, || {
            let next = |code: Bytecode| code.op(DUP1).op(BALANCE).op(POP).push(1).op(ADD);
            one(forever(Bytecode::new().push(1 << 32), next), &[])
        }),
        synchronous("slots: each written once, all undone", Fork::Prague, || {
            let next = |code: Bytecode| code.push(1).op(DUP2).op(SSTORE).push(1).op(ADD);
            one(forever(Bytecode::new().push(1 << 32), next), &[])
        }),
    ]
}

/// Code of `bytes` bytes, unlike any with another number: what `fill` gives, repeated, between `first` and a last
/// jump destination.
fn bomb(number: u64, bytes: usize, first: impl Fn(u64) -> Bytecode, fill: &[u8]) -> Bytecode {
    let last = bytes as u64 - 1;
    let mut code = first(last).push_bytes(&number.to_be_bytes()).op(POP);
    while code.len() + fill.len() < bytes {
        code = code.raw(fill);
    }
    let left = bytes - 1 - code.len();
    code.repeat(JUMPDEST, left).jump_destination()
}

/// Calls one contract after the other, each of which costs so much gas.
fn one_after_the_other(gas_each: u64, make: impl Fn(u64) -> Bytecode) -> World {
    let next = |code: Bytecode| {
        let code = code.push(0).push(0).push(0).push(0).push(0).op(DUP6);
        let code = code.op(GAS).op(CALL).op(POP);
        code.push(1).op(ADD)
    };
    let mut world = one(forever(Bytecode::new().push(CALLEES), next), &[]);
    for number in 0..BUDGET / gas_each + 1 {
        let address = Address::from_low_u64_be(CALLEES + number);
        deploy(&mut world, address, &make(number));
    }
    world
}

fn codes() -> Vec<Case> {
    let fills: [(&str, &[u8]); 3] = [
        ("JUMPDEST", &[JUMPDEST]),
        ("PUSH1", &[PUSH1, PUSH1]),
        ("PUSH1 POP", &[PUSH1, JUMPDEST, POP]),
    ];
    let jump = |last: u64| Bytecode::new().push(last).op(JUMP);
    // As many jumps as make it hot, then to its end.
    let spin = |last: u64| {
        let count = Bytecode::new().push(100_000);
        let start = count.len() as u64;
        let count = count.jump_destination().push(1).op(SWAP1).op(SUB);
        count.op(DUP1).push(start).op(JUMPI).push(last).op(JUMP)
    };
    let mut cases = Vec::new();
    for (name, fill) in fills {
        for bytes in [CODE_BYTES, 2 * CODE_BYTES] {
            let title = format!("code: one jump in {} KiB of {name}", bytes >> 10);
            cases.push(synchronous(&title, Fork::Prague, move || {
                one_after_the_other(2_600, |number| bomb(number, bytes, jump, fill))
            }));
        }
        let title = format!("code: 24 KiB of {name} become hot");
        cases.push(synchronous(&title, Fork::Prague, move || {
            one_after_the_other(2_600_000, |number| bomb(number, CODE_BYTES, spin, fill))
        }));
        let title = format!("init code: one jump in 48 KiB of {name}");
        cases.push(synchronous(&title, Fork::Prague, move || {
            let bytes = INIT_CODE_BYTES as u64;
            let first = Bytecode::new().call(CALLDATACOPY, [0, 0, bytes]);
            let create = |code: Bytecode| code.call(CREATE, [0, 0, bytes]).op(POP);
            one(
                forever(first, create),
                bomb(0, INIT_CODE_BYTES, jump, fill).bytes(),
            )
        }));
    }
    cases
}

fn precompiles() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, address, fork, input) in precompile_inputs() {
        let precompile = Precompiles::of(fork).get(Address::from_low_u64_be(address));
        let precompile = precompile.expect("the fork has it");
        let ran = precompile.run(&input, BUDGET, fork);
        assert!(ran.is_ok(), "{name}: {ran:?}");
        cases.push(synchronous(
            &format!("precompile: {name}"),
            fork,
            move || {
                let bytes = input.len() as u64;
                let first = Bytecode::new().call(CODECOPY, [0, 64, bytes]);
                // The input lies behind the code, since as the transaction's it would cost most of its gas.
                let code = forever(first, |code| call(code, STATICCALL, address, bytes));
                let padding = 64 - code.len();
                one(code.repeat(STOP, padding).raw(&input), &[])
            },
        ));
    }
    cases
}

fn precompile_inputs() -> Vec<(&'static str, u64, Fork, Vec<u8>)> {
    let modexp = |length: usize, exponent: usize, last: u8| {
        let lengths = [length, exponent, length].map(|length| word(length as u64));
        let operands = [
            vec![0xff; length],
            vec![0xff; exponent],
            vec![0xff; length - 1],
        ];
        [lengths.concat(), operands.concat(), vec![last]].concat()
    };
    let ecrecover = { [&[0x5a; 32], &word(27)[..], &hex(SECP_X), &word(1)].concat() };
    let bn_g1 = [word(1), word(2)].concat();
    // The generators' multiples, so that no point comes twice.
    let bn_pairs = |count: usize| -> Vec<u8> {
        let points =
            (1..=count).map(|factor| G2Affine::generator() * ark_bn254::Fr::from(factor as u64));
        let coordinates = points.flat_map(|point| {
            let point = point.into_affine();
            let coordinates = [point.x.c1, point.x.c0, point.y.c1, point.y.c0];
            let bytes = coordinates.map(|coordinate| coordinate.into_bigint().to_bytes_be());
            [bn_g1.clone(), bytes.concat()].concat()
        });
        coordinates.collect()
    };
    let (g1, g2) = (hex(BLS_G1), hex(BLS_G2));
    let scalar = [0xffu8; 32];
    let g1_term = [&g1[..], &scalar].concat();
    let g2_term = [&g2[..], &scalar].concat();
    let pair = [&g1[..], &g2].concat();
    let element = [[0; 16].as_slice(), &[0x11; 48]].concat();
    let blake2f = [&1_000_000u32.to_be_bytes()[..], &[7; 208], &[1]].concat();
    vec![
        ("ECRECOVER", 1, Fork::Prague, ecrecover),
        ("SHA256 of 16 KiB", 2, Fork::Prague, vec![1; 16 << 10]),
        ("RIPEMD160 of 16 KiB", 3, Fork::Prague, vec![1; 16 << 10]),
        ("IDENTITY of 16 KiB", 4, Fork::Prague, vec![1; 16 << 10]),
        (
            "MODEXP, 32 bytes, Prague",
            5,
            Fork::Prague,
            modexp(32, 32, 0xff),
        ),
        (
            "MODEXP, 32 bytes, even, Prague",
            5,
            Fork::Prague,
            modexp(32, 32, 0xfe),
        ),
        (
            "MODEXP, 256 bytes, Prague",
            5,
            Fork::Prague,
            modexp(256, 256, 0xff),
        ),
        (
            "MODEXP, 1,024 bytes, Prague",
            5,
            Fork::Prague,
            modexp(1024, 32, 0xff),
        ),
        (
            "MODEXP, 1,024 bytes, even, Prague",
            5,
            Fork::Prague,
            modexp(1024, 32, 0xfe),
        ),
        (
            "MODEXP, 32 bytes, Osaka",
            5,
            Fork::Osaka,
            modexp(32, 32, 0xff),
        ),
        (
            "MODEXP, 1,024 bytes, even, Osaka",
            5,
            Fork::Osaka,
            modexp(1024, 32, 0xfe),
        ),
        (
            "BN254 addition",
            6,
            Fork::Prague,
            [&bn_g1[..], &bn_g1].concat(),
        ),
        (
            "BN254 multiplication",
            7,
            Fork::Prague,
            [&bn_g1[..], &scalar].concat(),
        ),
        ("BN254 pairing of 1", 8, Fork::Prague, bn_pairs(1)),
        ("BN254 pairing of 40", 8, Fork::Prague, bn_pairs(40)),
        ("BLAKE2F, a million rounds", 9, Fork::Prague, blake2f),
        (
            "BLS12 G1 addition",
            0x0b,
            Fork::Prague,
            [&g1[..], &g1].concat(),
        ),
        ("BLS12 G1 sum of 1", 0x0c, Fork::Prague, g1_term.clone()),
        (
            "BLS12 G1 sum of 128",
            0x0c,
            Fork::Prague,
            g1_term.repeat(128),
        ),
        (
            "BLS12 G2 addition",
            0x0d,
            Fork::Prague,
            [&g2[..], &g2].concat(),
        ),
        ("BLS12 G2 sum of 1", 0x0e, Fork::Prague, g2_term.clone()),
        ("BLS12 G2 sum of 64", 0x0e, Fork::Prague, g2_term.repeat(64)),
        ("BLS12 pairing of 1", 0x0f, Fork::Prague, pair.clone()),
        ("BLS12 pairing of 32", 0x0f, Fork::Prague, pair.repeat(32)),
        ("BLS12 map to G1", 0x10, Fork::Prague, element.clone()),
        ("BLS12 map to G2", 0x11, Fork::Prague, element.repeat(2)),
        ("P256VERIFY", 0x100, Fork::Osaka, hex(P256_SIGNED)),
    ]
}

fn deferred() -> Vec<Case> {
    let mut cases = Vec::new();
    for policy in [Policy::seed(), Policy::practical()] {
        let mut case = |name: &str, is_bought: bool, make: fn() -> World| {
            cases.push(Case {
                name: format!("{name}, {}", policy.name()),
                is_bought,
                fork: Fork::Prague,
                policy,
                make: Box::new(make),
            });
        };
        case("records: 100,000 to one account", false, || {
            records(100, 1_000, 0)
        });
        // 4 bytes for a unit of gas are 47 times 64 KiB, but for the 48th.
        case(
            "records: 64 KiB of input each, by unit of gas bought",
            true,
            || records(1, 48, 64 << 10),
        );
        case(
            "rounds: one record each to the limit of depth",
            false,
            || {
                let workload = workloads::deep_chain(1_024);
                (workload.state, workload.block)
            },
        );
        case(
            "rounds: 16 pairs call each other to the limit of depth",
            false,
            || {
                let workload = workloads::ping_pong(16, 1_024);
                (workload.state, workload.block)
            },
        );
    }
    cases
}

/// Transactions that each call one account so many times, with so many bytes of input.
fn records(transactions: u64, calls: u64, input: u64) -> World {
    let memory = Bytecode::new().call(MSTORE, [input.next_multiple_of(32), 1]);
    let head = memory.push(calls);
    let start = head.len() as u64;
    let code = head.jump_destination().push(0).push(0).push(input).push(0);
    let code = code.push(0).push(callee()).push(100).op(CALL).op(POP);
    let code = code
        .push(1)
        .op(SWAP1)
        .op(SUB)
        .op(DUP1)
        .push(start)
        .op(JUMPI);
    let mut world = World::default();
    deploy(&mut world, FIRST, &code);
    deploy(&mut world, callee(), &Bytecode::new().op(STOP));
    (0..transactions).for_each(|_| send(&mut world, Some(FIRST), 800_000, &[]));
    world
}

fn word(number: u64) -> Vec<u8> {
    U256::from(number).to_big_endian().to_vec()
}

fn hex(text: &str) -> Vec<u8> {
    alloy_primitives::hex::decode(text).expect("a constant of this file")
}

/// The x of secp256k1's generator, which is the r of some signature.
const SECP_X: &str = "79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
/// BLS12-381's generators (EIP-2537).
const BLS_G1: &str = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0f\
    c3688c4f9774b905a14e3a3f171bac586c55e83ff97a1aeffb3af00adb22c6bb\
    0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4\
    fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
const BLS_G2: &str = "00000000000000000000000000000000024aa2b2f08f0a91260805272dc51051\
    c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8\
    0000000000000000000000000000000013e02b6052719f607dacd3a088274f65\
    596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e\
    000000000000000000000000000000000ce5d527727d6e118cc9cdc6da2e351a\
    adfd9baa8cbdd3a76d429a695160d12c923ac9cc3baca289e193548608b82801\
    000000000000000000000000000000000606c4a02ea734cc32acd2b02bc28b99\
    cb3e287e85a763af267492ab572e99ab3f370d275cec1da1aaa9075ff05f79be";
/// The vector `CallP256Verify` of go-ethereum's tests: hash, r, s, x, y.
const P256_SIGNED: &str = "4cee90eb86eaa050036147a12d49004b6b9c72bd725d39d4785011fe190f0b4d\
    a73bd4903f0ce3b639bbbf6e8e80d16931ff4bcf5993d58468e8fb19086e8cac\
    36dbcd03009df8c59286b162af3bd7fcc0450c9aa81be5d10d312af6c66b1d60\
    4aebd3099c618202fcfe16ae7770b0c49ab5eadf74b754204a3bb6060e44eff3\
    7618b065f9832de4ca6ca971a7a1adc826d0f7c00181a5fb2ddf79ae00b4e10e";

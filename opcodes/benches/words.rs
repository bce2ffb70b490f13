//! Word operations against `ruint`: nanoseconds per operation on batches of seeded inputs, written
//! to arrays as the machine writes them to its stack, and a table of both with their ratio.
//! Input is drawn from a fixed linear congruence in the shapes that the rows name.

use criterion::{BenchmarkId, Criterion, Throughput};
use deferevm_opcodes::U256;
use deferevm_opcodes::machine::word;
use ruint::aliases::U256 as Ruint;
use std::{hint::black_box, time::Instant};

/// Inputs per batch: small enough for the first-level cache, large enough to hide the timer.
const BATCH: usize = 256;
/// Timed passes over a batch; the median counts.
const PASSES: usize = 401;

type Triple = [[u64; 4]; 3];

/// Bytes to read words from, as from code.
static BYTES: [u8; 64] = {
    let mut bytes = [0; 64];
    let mut index = 0;
    while index < 64 {
        bytes[index] = (index * 37 % 251) as u8;
        index += 1;
    }
    bytes
};

struct Row {
    name: &'static str,
    inputs: Vec<Triple>,
    ours: fn(&[[U256; 3]], &mut [U256]),
    theirs: fn(&[[Ruint; 3]], &mut [Ruint]),
}

/// A row whose two sides are the given expressions over three words.
macro_rules! row {
    ($name:literal, $inputs:expr, |$a:ident, $b:ident, $c:ident| $ours:expr, $theirs:expr) => {
        Row {
            name: $name,
            inputs: $inputs,
            ours: |inputs, outputs| {
                for (&[$a, $b, $c], output) in inputs.iter().zip(outputs) {
                    let _ = ($b, $c);
                    *output = $ours;
                }
            },
            theirs: |inputs, outputs| {
                for (&[$a, $b, $c], output) in inputs.iter().zip(outputs) {
                    let _ = ($b, $c);
                    *output = $theirs;
                }
            },
        }
    };
}

/// Knuth's MMIX generator, its upper half twice.
struct Random(u64);

impl Random {
    fn limb(&mut self) -> u64 {
        let mut half = || {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.0 >> 32
        };
        half() << 32 | half()
    }

    /// A word of exactly `bits` bits, or zero.
    fn word(&mut self, bits: u32) -> [u64; 4] {
        if bits == 0 {
            return [0; 4];
        }
        let word = Ruint::from_limbs([self.limb(), self.limb(), self.limb(), self.limb()]);
        ((word | Ruint::from_limbs([0, 0, 0, 1 << 63])) >> (256 - bits as usize)).into_limbs()
    }
}

fn shaped(bits: [u32; 3]) -> Vec<Triple> {
    let mut random = Random(1);
    (0..BATCH)
        .map(|_| bits.map(|bits| random.word(bits)))
        .collect()
}

/// Inputs whose first word is below `limit`.
fn indexed(limit: u64) -> Vec<Triple> {
    let mut random = Random(2);
    (0..BATCH)
        .map(|_| [[random.limb() % limit, 0, 0, 0], random.word(256), [0; 4]])
        .collect()
}

/// Inputs that share the 254-bit order of the BN254 base field, operands reduced.
fn field() -> Vec<Triple> {
    let n = [
        0x3c20_8c16_d87c_fd47,
        0x9781_6a91_6871_ca8d,
        0xb850_45b6_8181_585d,
        0x3064_4e72_e131_a029,
    ];
    let mut random = Random(3);
    (0..BATCH)
        .map(|_| [random.word(253), random.word(253), n])
        .collect()
}

fn flag(condition: bool) -> Ruint {
    Ruint::from(u8::from(condition))
}

fn small(x: Ruint) -> usize {
    x.try_into().unwrap_or(usize::MAX)
}

fn ruint_signed_less(a: Ruint, b: Ruint) -> bool {
    let top = Ruint::from_limbs([0, 0, 0, 1 << 63]);
    a ^ top < b ^ top
}

fn ruint_signextend(index: Ruint, x: Ruint) -> Ruint {
    if index >= Ruint::from(31) {
        return x;
    }
    let sign = small(index) * 8 + 7;
    let mask = (Ruint::from(1) << sign) - Ruint::from(1);
    if x.bit(sign) { x | !mask } else { x & mask }
}

fn arithmetic_rows() -> Vec<Row> {
    vec![
        row!(
            "add",
            shaped([256, 256, 0]),
            |a, b, _c| word::add(a, b),
            a.wrapping_add(b)
        ),
        row!(
            "sub",
            shaped([256, 256, 0]),
            |a, b, _c| word::sub(a, b),
            a.wrapping_sub(b)
        ),
        row!(
            "mul 64 by 64",
            shaped([64, 60, 0]),
            |a, b, _c| word::mul(a, b),
            a.wrapping_mul(b)
        ),
        row!(
            "mul 128 by 128",
            shaped([128, 128, 0]),
            |a, b, _c| word::mul(a, b),
            a.wrapping_mul(b)
        ),
        row!(
            "mul 256 by 256",
            shaped([256, 256, 0]),
            |a, b, _c| word::mul(a, b),
            a.wrapping_mul(b)
        ),
        row!(
            "div 64 by 32",
            shaped([64, 32, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 128 by 60",
            shaped([128, 60, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 256 by 64",
            shaped([256, 64, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 192 by 100",
            shaped([192, 100, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 256 by 128",
            shaped([256, 128, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 256 by 180",
            shaped([256, 180, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "div 256 by 220",
            shaped([256, 220, 0]),
            |a, b, _c| word::div(a, b),
            a.wrapping_div(b)
        ),
        row!(
            "mod 256 by 128",
            shaped([256, 128, 0]),
            |a, b, _c| word::rem(a, b),
            a.wrapping_rem(b)
        ),
        row!(
            "addmod 254 reduced",
            field(),
            |a, b, n| word::addmod(a, b, n),
            a.add_mod(b, n)
        ),
        row!(
            "addmod 256 by 254",
            shaped([256, 256, 254]),
            |a, b, n| word::addmod(a, b, n),
            a.add_mod(b, n)
        ),
        row!(
            "addmod 256 by 128",
            shaped([256, 256, 128]),
            |a, b, n| word::addmod(a, b, n),
            a.add_mod(b, n)
        ),
        row!(
            "mulmod 254 reduced",
            field(),
            |a, b, n| word::mulmod(a, b, n),
            a.mul_mod(b, n)
        ),
        row!(
            "mulmod 256 by 254",
            shaped([256, 256, 254]),
            |a, b, n| word::mulmod(a, b, n),
            a.mul_mod(b, n)
        ),
        row!(
            "mulmod 256 by 128",
            shaped([256, 256, 128]),
            |a, b, n| word::mulmod(a, b, n),
            a.mul_mod(b, n)
        ),
        row!(
            "mulmod 64 by 60",
            shaped([64, 64, 60]),
            |a, b, n| word::mulmod(a, b, n),
            a.mul_mod(b, n)
        ),
        Row {
            name: "mulmod 254 prepared",
            inputs: field(),
            ours: |inputs, outputs| {
                let prepared = word::PreparedModulus::new(inputs[0][2]);
                for (&[a, b, _], output) in inputs.iter().zip(outputs) {
                    *output = prepared.mulmod(a, b);
                }
            },
            theirs: |inputs, outputs| {
                for (&[a, b, n], output) in inputs.iter().zip(outputs) {
                    *output = a.mul_mod(b, n);
                }
            },
        },
        row!(
            "prepare 254",
            shaped([256, 256, 254]),
            |a, b, n| word::PreparedModulus::new(n).mulmod(a, b),
            a.mul_mod(b, n)
        ),
        row!(
            "exp 10ⁿ",
            indexed(78),
            |n, _b, _c| word::exp(U256([10, 0, 0, 0]), n),
            Ruint::from(10).wrapping_pow(n)
        ),
        row!(
            "exp 2ⁿ",
            indexed(256),
            |n, _b, _c| word::exp(U256([2, 0, 0, 0]), n),
            Ruint::from(2).wrapping_pow(n)
        ),
        row!(
            "exp 256-bit",
            shaped([256, 256, 0]),
            |a, b, _c| word::exp(a, b),
            a.wrapping_pow(b)
        ),
    ]
}

fn bit_rows() -> Vec<Row> {
    vec![
        row!(
            "lt",
            shaped([256, 256, 0]),
            |a, b, _c| word::from_bool(word::lt(a, b)),
            flag(a < b)
        ),
        row!(
            "slt",
            shaped([256, 256, 0]),
            |a, b, _c| word::from_bool(word::slt(a, b)),
            flag(ruint_signed_less(a, b))
        ),
        row!(
            "eq",
            shaped([256, 256, 0]),
            |a, b, _c| word::from_bool(word::eq(a, b)),
            flag(a == b)
        ),
        row!(
            "and",
            shaped([256, 256, 0]),
            |a, b, _c| word::and(a, b),
            a & b
        ),
        row!(
            "and after add",
            shaped([256, 256, 0]),
            |a, b, _c| word::and(stored(word::add(a, b)), b),
            stored(a.wrapping_add(b)) & b
        ),
        row!(
            "copy after add",
            shaped([256, 256, 0]),
            |a, b, _c| word::scalars(stored(word::add(a, b))),
            stored(a.wrapping_add(b))
        ),
        row!(
            "shl",
            indexed(256),
            |n, x, _c| word::shl(n, x),
            x.wrapping_shl(small(n))
        ),
        row!(
            "shr",
            indexed(256),
            |n, x, _c| word::shr(n, x),
            x.wrapping_shr(small(n))
        ),
        row!(
            "sar",
            indexed(256),
            |n, x, _c| word::sar(n, x),
            x.arithmetic_shr(small(n))
        ),
        row!(
            "byte",
            indexed(32),
            |n, x, _c| word::byte(n, x),
            Ruint::from(x.byte(31 - small(n)))
        ),
        row!(
            "signextend",
            indexed(32),
            |n, x, _c| word::signextend(n, x),
            ruint_signextend(n, x)
        ),
        row!(
            "clz",
            shaped([100, 0, 0]),
            |a, _b, _c| word::clz(a),
            Ruint::from(a.leading_zeros())
        ),
        row!(
            "byte_len",
            shaped([100, 0, 0]),
            |a, _b, _c| U256([u64::from(word::byte_len(a)), 0, 0, 0]),
            Ruint::from(a.byte_len())
        ),
        row!(
            "from 0 to 31 bytes",
            indexed(32),
            |n, _b, _c| word::from_be_slice(
                &BYTES[word::to_usize_saturating(n)..][..word::to_usize_saturating(n)]
            ),
            Ruint::from_be_slice(&BYTES[small(n)..][..small(n)])
        ),
        row!(
            "from 32 bytes",
            indexed(32),
            |n, _b, _c| word::from_be_slice(&BYTES[word::to_usize_saturating(n)..][..32]),
            Ruint::from_be_slice(&BYTES[small(n)..][..32])
        ),
        row!(
            "address of",
            shaped([256, 0, 0]),
            |a, _b, _c| word::from_address(word::address_of(a)),
            a & ((Ruint::from(1) << 160) - Ruint::from(1))
        ),
    ]
}

/// `x` by way of memory, as one instruction leaves it on the stack for the next.
fn stored<T>(x: T) -> T {
    let mut slot = x;
    black_box(&mut slot);
    slot
}

/// Nanoseconds per input of the median pass.
fn nanoseconds(mut pass: impl FnMut()) -> f64 {
    let mut times: Vec<u128> = (0..PASSES)
        .map(|_| {
            let start = Instant::now();
            pass();
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort_unstable();
    times[PASSES / 2] as f64 / BATCH as f64
}

fn table(rows: &[Row]) {
    println!(
        "{:<22} {:>9} {:>9} {:>7}",
        "operation", "ours ns", "ruint ns", "ratio"
    );
    for row in rows {
        let ours: Vec<_> = row.inputs.iter().map(|input| input.map(U256)).collect();
        let theirs: Vec<_> = row
            .inputs
            .iter()
            .map(|input| input.map(Ruint::from_limbs))
            .collect();
        let mut our_outputs = vec![U256::zero(); BATCH];
        let mut their_outputs = vec![Ruint::ZERO; BATCH];
        (row.ours)(&ours, &mut our_outputs);
        (row.theirs)(&theirs, &mut their_outputs);
        assert!(
            our_outputs
                .iter()
                .zip(&their_outputs)
                .all(|(x, y)| x.0 == *y.as_limbs()),
            "{} differs",
            row.name
        );
        let our_time = nanoseconds(|| (row.ours)(black_box(&ours), black_box(&mut our_outputs)));
        let their_time =
            nanoseconds(|| (row.theirs)(black_box(&theirs), black_box(&mut their_outputs)));
        println!(
            "{:<22} {our_time:>9.2} {their_time:>9.2} {:>7.2}",
            row.name,
            their_time / our_time
        );
    }
}

fn measure(criterion: &mut Criterion, rows: &[Row]) {
    let mut group = criterion.benchmark_group("words");
    group.throughput(Throughput::Elements(BATCH as u64));
    for row in rows {
        let inputs: Vec<_> = row.inputs.iter().map(|input| input.map(U256)).collect();
        let mut outputs = vec![U256::zero(); BATCH];
        group.bench_function(BenchmarkId::new(row.name, "ours"), |bencher| {
            bencher.iter(|| (row.ours)(black_box(&inputs), black_box(&mut outputs)));
        });
        let inputs: Vec<_> = row
            .inputs
            .iter()
            .map(|input| input.map(Ruint::from_limbs))
            .collect();
        let mut outputs = vec![Ruint::ZERO; BATCH];
        group.bench_function(BenchmarkId::new(row.name, "ruint"), |bencher| {
            bencher.iter(|| (row.theirs)(black_box(&inputs), black_box(&mut outputs)));
        });
    }
    group.finish();
}

fn main() {
    let mut rows = arithmetic_rows();
    rows.extend(bit_rows());
    table(&rows);
    // The table alone takes a second; criterion's statistics are for when they are asked for.
    let statistics = std::env::args().any(|argument| argument == "--statistics");
    if statistics {
        measure(&mut Criterion::default(), &rows);
    }
}

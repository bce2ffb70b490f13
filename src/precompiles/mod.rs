//! The precompiled contracts to Osaka, one file each, behind one address-and-fork table.
//! Owns their gas and their rules, and an embedder's own; knows no frames, accounts or transfers.

mod blake2f;
mod bls12_381;
mod bn254;
mod ecrecover;
mod error;
mod identity;
mod kzg;
mod memo;
mod modexp;
mod p256verify;
mod ripemd160;
mod sha256;

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use bytes::Bytes;
use deferevm_opcodes::{Address, Fork, Halt};

pub use error::PrecompileError;
pub use memo::Memo;

/// What a precompile gives: its output and its cost, or the reason why there is none.
pub type PrecompileResult = Result<PrecompileOutput, PrecompileError>;

/// The precompiles that a fork has, and an embedder's own; ordered by address.
#[derive(Clone, Debug)]
pub struct Precompiles {
    fork: Fork,
    entries: Vec<Precompile>,
    /// One more than the place in `entries` of each address from 0 to 0x100; 0 where there is none.
    near: [u16; NEAR],
    /// Where the entries beyond 0x100 start in `entries`.
    far: usize,
}

/// The addresses that the protocol uses are below this.
const NEAR: usize = 0x101;

impl Precompiles {
    /// The protocol's precompiles in `fork`.
    pub fn of(fork: Fork) -> &'static Precompiles {
        static TABLES: LazyLock<[Precompiles; Fork::COUNT]> = LazyLock::new(|| {
            Fork::ALL.map(|fork| {
                let standard = STANDARD.iter().filter(|row| row.0 <= fork);
                Precompiles::index(fork, standard.map(Precompile::standard).collect())
            })
        });
        &TABLES[fork as usize]
    }

    /// The protocol's precompiles in `fork` and `own` beside them. Where two have one address, the
    /// last wins, so that an embedder can replace a precompile of the protocol.
    pub fn with(fork: Fork, own: impl IntoIterator<Item = Precompile>) -> Precompiles {
        let mut entries = Precompiles::of(fork).entries.clone();
        for precompile in own {
            match entries.binary_search_by_key(&precompile.address, |entry| entry.address) {
                Ok(place) => entries[place] = precompile,
                Err(place) => entries.insert(place, precompile),
            }
        }
        Precompiles::index(fork, entries)
    }

    /// The precompile at `address`, if there is one.
    #[inline]
    pub fn get(&self, address: Address) -> Option<&Precompile> {
        let [prefix @ .., high, low] = address.0;
        if prefix == [0; 18] {
            let number = usize::from(u16::from_be_bytes([high, low]));
            if let Some(place) = self.near.get(number) {
                return self.entries.get(usize::from(place.checked_sub(1)?));
            }
        }
        let far = &self.entries[self.far..];
        if far.is_empty() {
            return None;
        }
        let place = far.binary_search_by_key(&address, |entry| entry.address);
        Some(&far[place.ok()?])
    }

    /// The addresses of all precompiles, in rising order; each is warm from the start of a
    /// transaction (EIP-2929).
    pub fn addresses(&self) -> impl ExactSizeIterator<Item = Address> {
        self.entries.iter().map(|entry| entry.address)
    }

    /// Whether an embedder's own are among them.
    pub fn has_own(&self) -> bool {
        let is_own = |entry: &Precompile| matches!(entry.body, Body::Own(_));
        self.entries.iter().any(is_own)
    }

    /// The fork whose precompiles these are.
    pub fn fork(&self) -> Fork {
        self.fork
    }

    /// Lays out `entries`, which are in rising order of address and at most 0x101 of them near.
    fn index(fork: Fork, entries: Vec<Precompile>) -> Precompiles {
        let far = entries.partition_point(|entry| entry.address <= Address::from_low_u64_be(0x100));
        let mut near = [0; NEAR];
        for (place, entry) in (1..).zip(&entries[..far]) {
            let [.., high, low] = entry.address.0;
            near[usize::from(u16::from_be_bytes([high, low]))] = place;
        }
        Precompiles {
            fork,
            entries,
            near,
            far,
        }
    }
}

/// A contract whose code is not bytecode.
#[derive(Clone)]
pub struct Precompile {
    address: Address,
    name: &'static str,
    body: Body,
}

/// How an embedder's precompile is called: input, gas limit, fork.
pub type PrecompileFn = dyn Fn(&[u8], u64, Fork) -> PrecompileResult + Send + Sync;

#[derive(Clone)]
enum Body {
    Standard(Standard),
    Own(Arc<PrecompileFn>),
}

/// How a precompile of the protocol is computed: from input, gas limit and fork.
#[derive(Clone, Copy)]
enum Standard {
    /// Each time: that takes about as long as to look for an answer.
    Quick(fn(&[u8], u64, Fork) -> PrecompileResult),
    /// Unless its answer is in the [`Memo`].
    Slow(fn(&[u8], u64, Fork) -> PrecompileResult),
    /// Unless its answer is there, and else with what is there of its points.
    OfPoints(fn(&[u8], u64, Fork, &mut bn254::Points) -> PrecompileResult),
}

impl Precompile {
    /// An embedder's own precompile, for [`Precompiles::with`].
    ///
    /// `run` gets the input, the gas limit and the fork; it must depend on nothing else, must not
    /// report more gas used than the limit, and must bound its work by the gas it charges. `name` is
    /// what traces and reports show.
    pub fn new(
        address: Address,
        name: &'static str,
        run: impl Fn(&[u8], u64, Fork) -> PrecompileResult + Send + Sync + 'static,
    ) -> Precompile {
        let body = Body::Own(Arc::new(run));
        Precompile {
            address,
            name,
            body,
        }
    }

    fn standard(&(_, address, name, run): &Row) -> Precompile {
        let address = Address::from_low_u64_be(address);
        let body = Body::Standard(run);
        Precompile {
            address,
            name,
            body,
        }
    }

    /// Where it lives.
    pub fn address(&self) -> Address {
        self.address
    }

    /// What it is called in the EIPs, such as `ECRECOVER`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Runs on `input` with `gas_limit` gas, by the rules of `fork`.
    ///
    /// # Errors
    ///
    /// [`Halt::OutOfGas`] if the gas limit does not pay, [`Halt::PrecompileFailed`] if the input is
    /// refused; both consume the whole gas limit. [`Precompile::run_explained`] says why.
    pub fn run(&self, input: &[u8], gas_limit: u64, fork: Fork) -> Result<PrecompileOutput, Halt> {
        Ok(self.run_explained(input, gas_limit, fork)?)
    }

    /// [`Precompile::run`] with the reason of a failure.
    ///
    /// # Errors
    ///
    /// The reason, carrying the offending value.
    pub fn run_explained(&self, input: &[u8], gas_limit: u64, fork: Fork) -> PrecompileResult {
        self.compute(input, gas_limit, fork, &mut bn254::Points::default())
    }

    /// [`Precompile::run`], unless the answer is known, which is then known to the next one. Gas is charged
    /// all the same. An embedder's own precompile always runs.
    ///
    /// # Errors
    ///
    /// As [`Precompile::run`].
    pub fn run_with(
        &self,
        memo: &mut Memo,
        input: &[u8],
        gas_limit: u64,
        fork: Fork,
    ) -> Result<PrecompileOutput, Halt> {
        let compute = |points: &mut _| self.compute(input, gas_limit, fork, points);
        let output = match self.body {
            Body::Standard(Standard::Slow(_) | Standard::OfPoints(_)) => {
                memo.answer((fork, self.address), input, compute)
            }
            Body::Standard(Standard::Quick(_)) | Body::Own(_) => {
                compute(&mut bn254::Points::default())
            }
        }?;
        charge(Some(output.gas_used), gas_limit)?;
        Ok(output)
    }

    fn compute(
        &self,
        input: &[u8],
        gas_limit: u64,
        fork: Fork,
        points: &mut bn254::Points,
    ) -> PrecompileResult {
        let output = match &self.body {
            Body::Standard(Standard::Quick(run) | Standard::Slow(run)) => {
                run(input, gas_limit, fork)
            }
            Body::Standard(Standard::OfPoints(run)) => run(input, gas_limit, fork, points),
            Body::Own(run) => run(input, gas_limit, fork),
        }?;
        // An embedder's closure may be wrong about its gas; the frame's gas must not underflow.
        charge(Some(output.gas_used), gas_limit)?;
        Ok(output)
    }
}

impl fmt::Debug for Precompile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {:?}", self.name, self.address)
    }
}

/// What a precompile returned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrecompileOutput {
    /// The gas consumed, at most the gas limit of the call.
    pub gas_used: u64,
    /// The return data.
    pub bytes: Bytes,
}

impl PrecompileOutput {
    /// Whether a check holds, as a word.
    fn of_check(gas_used: u64, holds: bool) -> Self {
        let answer = if holds { &TRUE } else { &FALSE };
        Self {
            gas_used,
            bytes: Bytes::from_static(answer),
        }
    }
}

/// First fork, address, name, body.
type Row = (Fork, u64, &'static str, Standard);

/// Every precompile of the protocol, in rising order of address.
const STANDARD: [Row; 18] = {
    use Fork::{Byzantium, Cancun, Frontier, Istanbul, Osaka, Prague};
    use Standard::{OfPoints, Quick, Slow};
    [
        (Frontier, 0x01, "ECRECOVER", Slow(ecrecover::run)),
        (Frontier, 0x02, "SHA256", Quick(sha256::run)),
        (Frontier, 0x03, "RIPEMD160", Quick(ripemd160::run)),
        (Frontier, 0x04, "IDENTITY", Quick(identity::run)),
        // What contracts ask for is inverses, which take a microsecond, and each another one.
        (Byzantium, 0x05, "MODEXP", Quick(modexp::run)),
        (Byzantium, 0x06, "BN254_ADD", Quick(bn254::add)),
        (Byzantium, 0x07, "BN254_MUL", OfPoints(bn254::mul)),
        (Byzantium, 0x08, "BN254_PAIRING", OfPoints(bn254::pairing)),
        (Istanbul, 0x09, "BLAKE2F", Quick(blake2f::run)),
        (Cancun, 0x0a, "KZG_POINT_EVALUATION", Slow(kzg::run)),
        (Prague, 0x0b, "BLS12_G1ADD", Slow(bls12_381::g1_add)),
        (Prague, 0x0c, "BLS12_G1MSM", Slow(bls12_381::g1_msm)),
        (Prague, 0x0d, "BLS12_G2ADD", Slow(bls12_381::g2_add)),
        (Prague, 0x0e, "BLS12_G2MSM", Slow(bls12_381::g2_msm)),
        (
            Prague,
            0x0f,
            "BLS12_PAIRING_CHECK",
            Slow(bls12_381::pairing_check),
        ),
        (
            Prague,
            0x10,
            "BLS12_MAP_FP_TO_G1",
            Slow(bls12_381::map_fp_to_g1),
        ),
        (
            Prague,
            0x11,
            "BLS12_MAP_FP2_TO_G2",
            Slow(bls12_381::map_fp2_to_g2),
        ),
        (Osaka, 0x100, "P256VERIFY", Slow(p256verify::run)),
    ]
};

/// The word 1, the answer of a check that holds.
static TRUE: [u8; 32] = word_of(1);
/// The word 0, the answer of a check that does not hold.
static FALSE: [u8; 32] = word_of(0);

const fn word_of(byte: u8) -> [u8; 32] {
    let mut word = [0; 32];
    word[31] = byte;
    word
}

/// The cost, if the limit pays for it; `None` is a cost that does not fit in 64 bits.
fn charge(required: Option<u64>, limit: u64) -> Result<u64, PrecompileError> {
    match required {
        Some(gas) if gas <= limit => Ok(gas),
        required => Err(PrecompileError::OutOfGas { required, limit }),
    }
}

/// `base` and `per_word` for each 32 bytes begun.
fn linear_gas(base: u64, per_word: u64, bytes: usize) -> Option<u64> {
    let words = u64::try_from(bytes.div_ceil(32)).ok()?;
    words.checked_mul(per_word)?.checked_add(base)
}

/// `N` bytes from `offset` on, zeros where the input has ended.
fn padded<const N: usize>(input: &[u8], offset: usize) -> [u8; N] {
    let mut bytes = [0; N];
    let rest = input.get(offset..).unwrap_or_default();
    let length = rest.len().min(N);
    bytes[..length].copy_from_slice(&rest[..length]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn low(address: u64) -> Address {
        Address::from_low_u64_be(address)
    }

    #[test]
    fn each_fork_has_its_addresses_in_order() {
        for fork in Fork::ALL {
            let last = match fork {
                fork if fork >= Fork::Prague => 0x11,
                fork if fork >= Fork::Cancun => 0x0a,
                fork if fork >= Fork::Istanbul => 0x09,
                fork if fork >= Fork::Byzantium => 0x08,
                _ => 0x04,
            };
            let far = (fork >= Fork::Osaka).then_some(0x100);
            let expected: Vec<Address> = (1..=last).chain(far).map(low).collect();
            let table = Precompiles::of(fork);
            assert_eq!(table.fork(), fork);
            assert_eq!(table.addresses().collect::<Vec<_>>(), expected, "{fork}");
            for address in expected {
                assert_eq!(table.get(address).unwrap().address(), address);
            }
        }
    }

    #[test]
    fn other_addresses_are_no_precompiles() {
        let mut high = low(1);
        high.0[0] = 1;
        let mut middle = low(1);
        middle.0[17] = 1;
        let others = [low(0), low(0x12), low(0x101), low(0x1_0001), high, middle];
        for address in others.into_iter().chain([Address::repeat_byte(0xff)]) {
            assert!(
                Precompiles::of(Fork::Osaka).get(address).is_none(),
                "{address:?}"
            );
        }
        assert!(Precompiles::of(Fork::Prague).get(low(0x100)).is_none());
    }

    fn answering(address: Address, answer: &'static str) -> Precompile {
        Precompile::new(address, answer, move |_, limit, _| {
            let gas_used = charge(Some(7), limit)?;
            let bytes = Bytes::from_static(answer.as_bytes());
            Ok(PrecompileOutput { gas_used, bytes })
        })
    }

    #[test]
    fn an_embedder_adds_and_replaces_precompiles() {
        let far = Address::repeat_byte(0xaa);
        let own = [
            (far, "far"),
            (low(0x12), "near"),
            (low(0x1234), "between"),
            (low(4), "replaced"),
            (Address::zero(), "zero"),
        ];
        let table = Precompiles::with(
            Fork::Cancun,
            own.map(|(address, name)| answering(address, name)),
        );
        for (address, name) in own {
            let precompile = table.get(address).unwrap();
            assert_eq!(precompile.name(), name);
            let output = precompile.run(&[], 7, Fork::Cancun).unwrap();
            assert_eq!((output.gas_used, &output.bytes[..]), (7, name.as_bytes()));
            assert_eq!(precompile.run(&[], 6, Fork::Cancun), Err(Halt::OutOfGas));
        }
        assert_eq!(table.get(low(1)).unwrap().name(), "ECRECOVER");
        assert!(table.get(Address::repeat_byte(0xab)).is_none());
        let addresses: Vec<Address> = table.addresses().collect();
        assert_eq!(addresses.len(), 14);
        assert!(addresses.is_sorted());
        assert_eq!(Precompiles::of(Fork::Cancun).addresses().len(), 10);
    }

    #[test]
    fn an_embedders_mistakes_do_not_reach_the_frame() {
        let greedy = Precompile::new(low(0x20), "GREEDY", |_, limit, _| {
            Ok(PrecompileOutput {
                gas_used: limit + 1,
                bytes: Bytes::new(),
            })
        });
        assert_eq!(greedy.run(&[], 7, Fork::Osaka), Err(Halt::OutOfGas));
        let refusing = Precompile::new(low(0x21), "REFUSING", |_, _, _| {
            Err(PrecompileError::Other("no such market".to_owned()))
        });
        assert_eq!(
            refusing.run(&[], 7, Fork::Osaka),
            Err(Halt::PrecompileFailed)
        );
        let error = refusing.run_explained(&[], 7, Fork::Osaka).unwrap_err();
        assert_eq!(error.to_string(), "no such market");
        assert_eq!(
            format!("{refusing:?}"),
            format!("REFUSING at {:?}", low(0x21))
        );
    }
}

//! Who signed a transaction or an authorization, and signing them (secp256k1, EIP-2, EIP-155,
//! EIP-7702).
//!
//! Owns the rules of signatures; what is signed is laid out in `encoding`.

use std::sync::LazyLock;

use bytes::Bytes;
use deferevm_opcodes::{Address, B256, Fork, U256, keccak256};
use secp256k1::{
    All, Message, PublicKey, Secp256k1, SecretKey,
    ecdsa::{RecoverableSignature, RecoveryId},
};

use super::{
    error::InvalidTransaction,
    types::{Authorization, Recovered, Signature, SignedTransaction, Transaction},
};

/// The order of secp256k1's group, n.
const ORDER: U256 = U256([
    0xbfd2_5e8c_d036_4141,
    0xbaae_dce6_af48_a03b,
    0xffff_ffff_ffff_fffe,
    0xffff_ffff_ffff_ffff,
]);

/// n / 2: the greatest s of a canonical signature (EIP-2).
const HALF_ORDER: U256 = U256([
    0xdfe9_2f46_681b_20a0,
    0x5d57_6e73_57a4_501d,
    0xffff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
]);

static SECP256K1: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// A signature that names no signer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A legacy v that means nothing.
    #[error("v is {found}, expected 27, 28, or 35 or 36 + 2 × chain id")]
    V {
        /// The legacy v.
        found: U256,
    },
    /// A legacy v whose chain id has more than 64 bits.
    #[error("v is {v}, whose chain id exceeds 2^64-1")]
    ChainIdTooWide {
        /// The legacy v.
        v: U256,
    },
    /// A v with a chain id before the fork that introduced it (EIP-155).
    #[error(
        "chain id {chain_id} in a legacy v, allowed from SpuriousDragon on, and this is {fork}"
    )]
    ChainIdBeforeSpuriousDragon {
        /// The chain id.
        chain_id: u64,
        /// The block's fork.
        fork: Fork,
    },
    /// A typed transaction's y parity is no bit.
    #[error("y parity is {found}, expected 0 or 1")]
    YParity {
        /// The y parity.
        found: U256,
    },
    /// r is not in 1..n.
    #[error("r is {found:#x}, expected 1 to n-1")]
    R {
        /// The signature's r.
        found: U256,
    },
    /// s is not in 1..n.
    #[error("s is {found:#x}, expected 1 to n-1")]
    S {
        /// The signature's s.
        found: U256,
    },
    /// s is in the upper half (EIP-2, from Homestead).
    #[error("s is {found:#x}, expected n/2 at most")]
    HighS {
        /// The signature's s.
        found: U256,
    },
    /// r is no x coordinate of the curve, or the key is the point at infinity.
    #[error("no public key belongs to the signature with r {r:#x}, s {s:#x}")]
    Unrecoverable {
        /// The signature's r.
        r: U256,
        /// The signature's s.
        s: U256,
    },
    /// A secret key that is zero or not below n; it is not shown.
    #[error("the secret key is out of range, expected 1 to n-1")]
    SecretKey,
}

impl Signature {
    /// The address whose key signed `hash`, high s allowed as before Homestead.
    ///
    /// # Errors
    /// r or s out of range, or no such key.
    pub fn signer(&self, hash: B256) -> Result<Address, SignatureError> {
        let (r, s) = (self.r, self.s);
        if r.is_zero() || r >= ORDER {
            return Err(SignatureError::R { found: r });
        }
        if s.is_zero() || s >= ORDER {
            return Err(SignatureError::S { found: s });
        }
        let mut compact = [0; 64];
        compact[..32].copy_from_slice(&r.to_big_endian());
        compact[32..].copy_from_slice(&s.to_big_endian());
        let parity = if self.y_parity {
            RecoveryId::One
        } else {
            RecoveryId::Zero
        };
        RecoverableSignature::from_compact(&compact, parity)
            .and_then(|signature| SECP256K1.recover_ecdsa(Message::from_digest(hash.0), &signature))
            .map(|key| address_of(&key))
            .map_err(|_| SignatureError::Unrecoverable { r, s })
    }

    /// The same, with s in the lower half (EIP-2).
    ///
    /// # Errors
    /// Those of [`Signature::signer`], and a high s.
    pub fn canonical_signer(&self, hash: B256) -> Result<Address, SignatureError> {
        if self.s > HALF_ORDER && self.s < ORDER {
            return Err(SignatureError::HighS { found: self.s });
        }
        self.signer(hash)
    }

    /// Signs `hash`, deterministically (RFC 6979) and with s in the lower half.
    ///
    /// # Errors
    /// A secret key of zero or not below n.
    pub fn new(hash: B256, secret_key: &B256) -> Result<Self, SignatureError> {
        let key = parse_secret_key(secret_key)?;
        let (parity, compact) = SECP256K1
            .sign_ecdsa_recoverable(Message::from_digest(hash.0), &key)
            .serialize_compact();
        Ok(Self {
            // Ids 2 and 3 stand for an r that overflowed n: nobody will ever meet one.
            y_parity: matches!(parity, RecoveryId::One | RecoveryId::Three),
            r: U256::from_big_endian(&compact[..32]),
            s: U256::from_big_endian(&compact[32..]),
        })
    }
}

impl SignedTransaction {
    /// Recovers the sender.
    ///
    /// # Errors
    /// A signature that the fork does not accept or that names no sender.
    pub fn recover(self, fork: Fork) -> Result<Recovered, InvalidTransaction> {
        let hash = self.hash();
        self.recover_with(hash, fork)
    }

    fn recover_with(self, hash: B256, fork: Fork) -> Result<Recovered, InvalidTransaction> {
        let transaction = self.transaction;
        if fork < Fork::SpuriousDragon
            && let Some(chain_id) = transaction.chain_id
        {
            return Err(SignatureError::ChainIdBeforeSpuriousDragon { chain_id, fork }.into());
        }
        let signing_hash = transaction.signing_hash();
        let sender = if fork >= Fork::Homestead {
            self.signature.canonical_signer(signing_hash)?
        } else {
            self.signature.signer(signing_hash)?
        };
        Ok(Recovered {
            transaction,
            sender,
            hash,
        })
    }
}

impl Transaction {
    /// Signs it with a secret key.
    ///
    /// # Errors
    /// A secret key of zero or not below n.
    pub fn sign(self, secret_key: &B256) -> Result<SignedTransaction, SignatureError> {
        let signature = Signature::new(self.signing_hash(), secret_key)?;
        Ok(SignedTransaction {
            transaction: self,
            signature,
        })
    }
}

impl Recovered {
    /// Reads a signed transaction and recovers its sender, as [`SignedTransaction::decode`] and
    /// [`SignedTransaction::recover`] do one after the other, but hashing the bytes as they came.
    ///
    /// # Errors
    /// Those of both.
    pub fn decode(raw: &Bytes, fork: Fork) -> Result<Self, InvalidTransaction> {
        SignedTransaction::decode(raw, fork)?.recover_with(keccak256(raw), fork)
    }

    /// A program to be run for `sender` without a signature. Its hash is keccak256(sender ‖ the
    /// encoding with y parity, r and s zero), so that equal programs of two senders differ.
    pub fn unsigned(transaction: Transaction, sender: Address) -> Self {
        let signed = SignedTransaction {
            transaction,
            signature: Signature::default(),
        };
        let mut message = sender.0.to_vec();
        message.extend_from_slice(&signed.encode());
        Self {
            transaction: signed.transaction,
            sender,
            hash: keccak256(message),
        }
    }
}

impl Authorization {
    /// Signs the wish to run `address`'s code.
    ///
    /// # Errors
    /// A secret key of zero or not below n.
    pub fn sign(
        chain_id: U256,
        address: Address,
        nonce: u64,
        secret_key: &B256,
    ) -> Result<Self, SignatureError> {
        let mut authorization = Self {
            chain_id,
            address,
            nonce,
            ..Self::default()
        };
        let signature = Signature::new(authorization.signing_hash(), secret_key)?;
        authorization.y_parity = u8::from(signature.y_parity);
        authorization.r = signature.r;
        authorization.s = signature.s;
        Ok(authorization)
    }

    /// The account that signed it, if the signature is valid (EIP-7702): y parity 0 or 1, s in the
    /// lower half, and a key that belongs to it. Chain id and nonce are not looked at.
    pub fn authority(&self) -> Option<Address> {
        let y_parity = match self.y_parity {
            0 => false,
            1 => true,
            _ => return None,
        };
        let signature = Signature {
            y_parity,
            r: self.r,
            s: self.s,
        };
        signature.canonical_signer(self.signing_hash()).ok()
    }
}

/// The address that belongs to a secret key: the last 20 bytes of the hashed public key.
///
/// # Errors
/// A secret key of zero or not below n.
pub fn address_of_secret_key(secret_key: &B256) -> Result<Address, SignatureError> {
    let key = parse_secret_key(secret_key)?;
    Ok(address_of(&PublicKey::from_secret_key(&SECP256K1, &key)))
}

fn parse_secret_key(secret_key: &B256) -> Result<SecretKey, SignatureError> {
    SecretKey::from_byte_array(secret_key.0).map_err(|_| SignatureError::SecretKey)
}

fn address_of(key: &PublicKey) -> Address {
    let hash = keccak256(&key.serialize_uncompressed()[1..]);
    Address::from_slice(&hash.0[12..])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transaction::types::TransactionType;

    fn word(digits: &str) -> U256 {
        U256::from_str_radix(digits, 16).unwrap()
    }

    fn unhex(digits: &str) -> Vec<u8> {
        (0..digits.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The worked example of EIP-155.
    fn example() -> Transaction {
        Transaction {
            chain_id: Some(1),
            nonce: 9,
            gas_limit: 21_000,
            max_fee_per_gas: U256::from(20_000_000_000u64),
            max_priority_fee_per_gas: U256::from(20_000_000_000u64),
            to: Some(Address::repeat_byte(0x35)),
            value: U256::from(1_000_000_000_000_000_000u64),
            ..Transaction::default()
        }
    }

    const EXAMPLE: &str = concat!(
        "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a764000080",
        "25a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
        "a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
    );

    #[test]
    fn the_example_of_eip_155_is_signed_as_printed() {
        let secret = B256::repeat_byte(0x46);
        let hash = example().signing_hash();
        assert_eq!(
            U256::from_big_endian(&hash.0),
            word("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53")
        );
        let signed = example().sign(&secret).unwrap();
        assert_eq!(signed.encode(), unhex(EXAMPLE));
        let recovered = Recovered::decode(&unhex(EXAMPLE).into(), Fork::LATEST).unwrap();
        assert_eq!(recovered.transaction, example());
        assert_eq!(
            recovered.sender.0.to_vec(),
            unhex("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f")
        );
    }

    #[test]
    fn a_chain_id_is_refused_before_spurious_dragon() {
        let raw = Bytes::from(unhex(EXAMPLE));
        let error = Recovered::decode(&raw, Fork::TangerineWhistle).unwrap_err();
        assert_eq!(
            error,
            SignatureError::ChainIdBeforeSpuriousDragon {
                chain_id: 1,
                fork: Fork::TangerineWhistle
            }
            .into()
        );
        assert!(Recovered::decode(&raw, Fork::SpuriousDragon).is_ok());
    }

    #[test]
    fn a_high_s_is_refused_from_homestead() {
        let mut transaction = example();
        transaction.chain_id = None;
        let secret = B256::repeat_byte(1);
        let mut signed = transaction.sign(&secret).unwrap();
        // (r, n - s) with the other parity is the same signature's twin.
        signed.signature.s = ORDER - signed.signature.s;
        signed.signature.y_parity = !signed.signature.y_parity;
        let sender = signed.clone().recover(Fork::Frontier).unwrap().sender;
        assert_eq!(sender, address_of_secret_key(&secret).unwrap());
        let found = signed.signature.s;
        assert_eq!(
            signed.recover(Fork::Homestead).unwrap_err(),
            SignatureError::HighS { found }.into()
        );
    }

    #[test]
    fn half_the_order_is_the_greatest_low_s() {
        assert_eq!(HALF_ORDER, ORDER >> 1);
        assert_eq!(
            ORDER,
            word("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
        );
        let signature = |s| Signature {
            y_parity: false,
            r: U256::one(),
            s,
        };
        let hash = B256::repeat_byte(7);
        assert!(signature(HALF_ORDER).canonical_signer(hash).is_ok());
        assert!(matches!(
            signature(HALF_ORDER + 1).canonical_signer(hash),
            Err(SignatureError::HighS { .. })
        ));
    }

    #[test]
    fn r_and_s_outside_the_order_are_refused() {
        let hash = B256::repeat_byte(7);
        for out in [U256::zero(), ORDER, U256::MAX] {
            for (r, s) in [(out, U256::one()), (U256::one(), out)] {
                let signature = Signature {
                    y_parity: false,
                    r,
                    s,
                };
                assert!(signature.signer(hash).is_err(), "r {r}, s {s}");
                assert!(signature.canonical_signer(hash).is_err(), "r {r}, s {s}");
            }
        }
    }

    #[test]
    fn an_authority_is_recovered_from_a_valid_signature_only() {
        let secret = B256::repeat_byte(9);
        let valid = Authorization::sign(U256::one(), Address::repeat_byte(2), 5, &secret).unwrap();
        assert_eq!(
            valid.authority(),
            Some(address_of_secret_key(&secret).unwrap())
        );
        let mut twin = valid.clone();
        twin.s = ORDER - twin.s;
        twin.y_parity ^= 1;
        assert_eq!(twin.authority(), None, "s in the upper half");
        for y_parity in [2, 27, 255] {
            let odd = Authorization {
                y_parity,
                ..valid.clone()
            };
            assert_eq!(odd.authority(), None, "y parity {y_parity}");
        }
        let other = Authorization { nonce: 6, ..valid };
        assert_ne!(
            other.authority(),
            Some(address_of_secret_key(&secret).unwrap())
        );
    }

    #[test]
    fn an_authorization_signs_the_magic_and_its_tuple() {
        let authorization = Authorization {
            chain_id: U256::one(),
            address: Address::repeat_byte(0x11),
            nonce: 0x80,
            ..Authorization::default()
        };
        let mut message = unhex("05d90194");
        message.extend_from_slice(&[0x11; 20]);
        message.extend_from_slice(&[0x81, 0x80]);
        // The payload: 1 + 21 + 2 bytes.
        message[1] = 0xc0 + 24;
        assert_eq!(authorization.signing_hash(), keccak256(message));
    }

    #[test]
    fn unsigned_programs_of_two_senders_differ() {
        let transaction = Transaction {
            kind: TransactionType::DynamicFee,
            chain_id: Some(1),
            ..Transaction::default()
        };
        let one = Recovered::unsigned(transaction.clone(), Address::repeat_byte(1));
        let two = Recovered::unsigned(transaction, Address::repeat_byte(2));
        assert_ne!(one.hash, two.hash);
        // keccak256 of the sender, then type 2 and twelve fields: chain id 1, zeros and empties,
        // an empty list, and y parity, r and s of zero.
        let mut message = vec![1; 20];
        message.extend_from_slice(&unhex("02cc0180808080808080c0808080"));
        assert_eq!(one.hash, keccak256(message));
    }

    #[test]
    fn secret_keys_out_of_range_are_refused() {
        let order = B256(ORDER.to_big_endian());
        for secret in [B256::zero(), order, B256::repeat_byte(0xff)] {
            assert_eq!(
                address_of_secret_key(&secret),
                Err(SignatureError::SecretKey)
            );
            assert_eq!(
                Signature::new(B256::zero(), &secret),
                Err(SignatureError::SecretKey)
            );
        }
    }
}

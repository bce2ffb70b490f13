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
    types::{Authorization, Recovered, Signature, SignedTransaction, Transaction},
    validation::InvalidTransaction,
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

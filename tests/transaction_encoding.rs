//! Properties of transactions as bytes: encoding and decoding undo each other, no bytes make the
//! decoder panic, and alloy's independent codec agrees wherever its narrower types can.

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::{Decodable2718, Encodable2718};
use bytes::Bytes;
use deferevm::{
    Address, B256, Fork, U256,
    transaction::{
        AccessListItem, Authorization, DecodeError, Field, Recovered, Signature, SignedTransaction,
        Transaction, TransactionType, address_of_secret_key,
    },
};
use proptest::{collection::vec, prelude::*};

/// Words of every length, the boundary values among them.
fn word() -> impl Strategy<Value = U256> {
    prop_oneof![
        Just(U256::zero()),
        Just(U256::one()),
        Just(U256::one() << 255),
        Just(U256::MAX),
        (any::<[u8; 32]>(), 0..256usize)
            .prop_map(|(bytes, shift)| U256::from_big_endian(&bytes) >> shift),
    ]
}

/// Wei per gas; `narrow` keeps to the 128 bits that alloy has.
fn fee(narrow: bool) -> impl Strategy<Value = U256> {
    word().prop_map(move |fee| if narrow { fee >> 128 } else { fee })
}

fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        Just(0),
        Just(u64::MAX),
        (any::<u64>(), 0..64u32).prop_map(|(number, shift)| number >> shift),
    ]
}

fn address() -> impl Strategy<Value = Address> {
    any::<[u8; 20]>().prop_map(Address)
}

fn access_list() -> impl Strategy<Value = Vec<AccessListItem>> {
    let item = (address(), vec(word(), 0..4)).prop_map(|(address, storage_keys)| AccessListItem {
        address,
        storage_keys,
    });
    vec(item, 0..4)
}

fn authorizations() -> impl Strategy<Value = Vec<Authorization>> {
    let item = (word(), address(), number(), any::<u8>(), word(), word()).prop_map(
        |(chain_id, address, nonce, y_parity, r, s)| Authorization {
            chain_id,
            address,
            nonce,
            y_parity,
            r,
            s,
        },
    );
    vec(item, 0..4)
}

fn kind() -> impl Strategy<Value = TransactionType> {
    (0u8..=4).prop_map(|byte| TransactionType::from_byte(byte).expect("0 to 4 are types"))
}

/// A transaction in which only the fields of its type are set.
fn transaction(narrow: bool) -> impl Strategy<Value = Transaction> {
    let plain = (
        kind(),
        proptest::option::of(number()),
        number(),
        number(),
        fee(narrow),
        fee(narrow),
    );
    let rest = (
        proptest::option::of(address()),
        word(),
        vec(any::<u8>(), 0..200),
        access_list(),
        fee(narrow),
        vec(any::<[u8; 32]>().prop_map(B256), 0..4),
        authorizations(),
    );
    (plain, rest).prop_map(move |(plain, rest)| {
        let (kind, chain_id, nonce, gas_limit, max_fee_per_gas, priority) = plain;
        let (to, value, input, access_list, blob_fee, blob_hashes, authorizations) = rest;
        let mut transaction = Transaction {
            kind,
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas: max_fee_per_gas,
            to,
            value,
            input: Bytes::from(input),
            ..Transaction::default()
        };
        if kind.has_dynamic_fee() {
            transaction.max_priority_fee_per_gas = priority;
        }
        if kind != TransactionType::Legacy {
            transaction.chain_id = Some(chain_id.unwrap_or(1));
            transaction.access_list = access_list;
        }
        if kind == TransactionType::Blob {
            transaction.max_fee_per_blob_gas = blob_fee;
            transaction.blob_hashes = blob_hashes;
        }
        if kind == TransactionType::SetCode {
            transaction.authorizations = authorizations;
        }
        transaction
    })
}

fn signed(narrow: bool) -> impl Strategy<Value = SignedTransaction> {
    (transaction(narrow), any::<bool>(), word(), word()).prop_map(
        |(transaction, y_parity, r, s)| SignedTransaction {
            transaction,
            signature: Signature { y_parity, r, s },
        },
    )
}

/// What decodes is canonical, and says so by its hash too.
fn reencodes(raw: &Bytes) {
    for fork in Fork::ALL {
        if let Ok(signed) = SignedTransaction::decode(raw, fork) {
            assert_eq!(signed.encode(), raw[..], "{fork}: {signed:?}");
        }
        // Whatever the signature, recovering must end in a sender or an error.
        let _ = Recovered::decode(raw, fork);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn decoding_undoes_encoding(signed in signed(false)) {
        let raw = Bytes::from(signed.encode());
        prop_assert_eq!(SignedTransaction::decode(&raw, Fork::LATEST).unwrap(), signed);
    }

    #[test]
    fn the_network_form_is_never_extended_or_cut(signed in signed(false), cut in any::<prop::sample::Index>()) {
        let raw = signed.encode();
        let mut longer = raw.clone();
        longer.push(0);
        prop_assert!(SignedTransaction::decode(&longer.into(), Fork::LATEST).is_err());
        let shorter = Bytes::copy_from_slice(&raw[..cut.index(raw.len())]);
        prop_assert!(SignedTransaction::decode(&shorter, Fork::LATEST).is_err());
    }

    #[test]
    fn a_type_is_refused_before_its_fork(signed in signed(false)) {
        let raw = Bytes::from(signed.encode());
        for fork in Fork::ALL {
            let decoded = SignedTransaction::decode(&raw, fork);
            prop_assert_eq!(decoded.is_ok(), fork >= signed.transaction.kind.since());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(raw in vec(any::<u8>(), 0..300)) {
        reencodes(&raw.into());
    }

    #[test]
    fn damaged_transactions_never_panic_and_stay_canonical(
        signed in signed(false),
        faults in vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 1..4),
    ) {
        let mut raw = signed.encode();
        for (at, byte, fault) in faults {
            let at = at.index(raw.len());
            match fault {
                0 => raw[at] = byte,
                1 => raw.insert(at, byte),
                _ if raw.len() > 1 => { raw.remove(at); }
                _ => {}
            }
        }
        reencodes(&raw.into());
    }

    #[test]
    fn alloy_reads_the_same_bytes_and_hashes_them_the_same(signed in signed(true)) {
        let kind = signed.transaction.kind;
        // alloy's types have no room for these.
        prop_assume!(signed.transaction.to.is_some() || !matches!(kind, TransactionType::Blob | TransactionType::SetCode));
        prop_assume!(signed.transaction.chain_id.is_none_or(|chain_id| chain_id < u64::MAX / 2 - 36));
        let raw = signed.encode();
        let theirs = TxEnvelope::decode_2718(&mut &raw[..]).unwrap();
        prop_assert_eq!(theirs.encoded_2718(), raw);
        prop_assert_eq!(theirs.tx_hash().0, signed.hash().0);
        prop_assert_eq!(theirs.signature_hash().0, signed.transaction.signing_hash().0);
    }

    #[test]
    fn whoever_signs_is_recovered(transaction in transaction(false), key in 1u64..) {
        let mut secret = B256::zero();
        secret.0[24..].copy_from_slice(&key.to_be_bytes());
        let signed = transaction.sign(&secret).unwrap();
        let raw = Bytes::from(signed.encode());
        let recovered = Recovered::decode(&raw, Fork::LATEST).unwrap();
        prop_assert_eq!(recovered.sender, address_of_secret_key(&secret).unwrap());
        prop_assert_eq!(recovered.hash, signed.hash());
        prop_assert_eq!(signed.recover(Fork::LATEST).unwrap(), recovered);
    }
}

/// A blob transaction as the network passes it on: with blobs, commitments and proofs around it.
#[test]
fn the_form_with_a_sidecar_is_refused() {
    let signed = SignedTransaction {
        transaction: Transaction {
            kind: TransactionType::Blob,
            chain_id: Some(1),
            to: Some(Address::zero()),
            ..Transaction::default()
        },
        signature: Signature::default(),
    };
    let canonical = signed.encode();
    assert!(SignedTransaction::decode(&canonical.clone().into(), Fork::LATEST).is_ok());
    let body = &canonical[1..];
    let payload_length = u8::try_from(body.len() + 3).unwrap();
    assert!(payload_length < 56, "a short list");
    let mut wrapped = vec![3, 0xc0 + payload_length];
    wrapped.extend_from_slice(body);
    wrapped.extend_from_slice(&[0xc0; 3]);
    assert_eq!(
        SignedTransaction::decode(&wrapped.into(), Fork::LATEST),
        Err(DecodeError::Rlp {
            field: Field::ChainId,
            error: alloy_rlp::Error::UnexpectedList
        }
        .into())
    );
}

//! Shapes that several documents share: objects in their order, and log entries.
//!
//! Owns nothing that only one document has.

use std::{fmt, marker::PhantomData};

use bytes::Bytes;
use deferevm_opcodes::{Address, B256, Log};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};

use super::hex;

/// An object in the file's order.
pub struct Entries<V>(pub Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Entries<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct EntriesVisitor<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for EntriesVisitor<V> {
            type Value = Entries<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<V>, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

#[derive(Deserialize)]
struct RawLog {
    #[serde(deserialize_with = "hex::hex")]
    address: Address,
    #[serde(deserialize_with = "hex::list")]
    topics: Vec<B256>,
    #[serde(deserialize_with = "hex::hex")]
    data: Bytes,
}

/// `deserialize_with` for a list of log entries.
pub fn logs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Log>, D::Error> {
    let logs = Vec::<RawLog>::deserialize(deserializer)?;
    Ok(logs
        .into_iter()
        .map(|log| Log {
            address: log.address,
            topics: log.topics,
            data: log.data,
        })
        .collect())
}

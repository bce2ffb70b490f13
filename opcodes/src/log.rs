//! LOG0 to LOG4.

use bytes::Bytes;

use crate::{
    B256, Frame, Host, Log,
    machine::{exit::Interrupt, schedule::LOG_BYTE, word::to_be_bytes},
};

/// LOG0 to LOG4.
pub(crate) fn log<H: Host + ?Sized>(
    frame: &mut Frame,
    host: &mut H,
    topics: u8,
) -> Result<(), Interrupt> {
    // Stack.
    let [offset, size] = frame.stack.pop_array();
    let topics = (0..topics).map(|_| topic(frame)).collect();
    // Gas.
    frame.forbid_static()?;
    let region = frame.expand(offset, size)?;
    frame.gas.charge(LOG_BYTE * region.len() as u64)?;
    // Operation.
    host.log(Log {
        address: frame.context.address,
        topics,
        data: Bytes::copy_from_slice(frame.memory(region)),
    });
    Ok(())
}

fn topic(frame: &mut Frame) -> B256 {
    B256(to_be_bytes(frame.stack.pop()))
}

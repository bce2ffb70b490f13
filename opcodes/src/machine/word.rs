//! All 256-bit arithmetic of the EVM.

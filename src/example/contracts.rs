//! The example's contracts: small, but with the shapes of real ones.

use super::assembler::assemble;
use crate::Address;

/// `transfer`, `transferFrom` (by the router only) and `balanceOf`. A holder's balance stands in the
/// slot of its address, the router's address in slot 0.
pub(super) fn token() -> Vec<u8> {
    assemble(
        "0 CALLDATALOAD 224 SHR
         DUP1 'transfer(address,uint256) EQ @transfer JUMPI
         DUP1 'transferFrom(address,address,uint256) EQ @from JUMPI
         DUP1 'balanceOf(address) EQ @balance JUMPI
         0 0 REVERT

         balance: 4 CALLDATALOAD SLOAD 0 MSTORE 32 0 RETURN

         from: CALLER 0 SLOAD EQ ISZERO @fail JUMPI
               68 CALLDATALOAD 36 CALLDATALOAD 4 CALLDATALOAD @move JUMP
         transfer: 36 CALLDATALOAD 4 CALLDATALOAD CALLER
         move:                                   ; from to amount
               DUP1 SLOAD                        ; has from to amount
               DUP4 DUP2 LT @fail JUMPI
               DUP4 SWAP1 SUB DUP2 SSTORE        ; from to amount
               DUP3 DUP3 SLOAD ADD DUP3 SSTORE
               DUP3 0 MSTORE                     ; the amount is the log's data
               0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef
               32 0 LOG3
               1 0 MSTORE 32 0 RETURN
         fail: 0 0 REVERT",
    )
}

/// A constant-product exchange: reserves in slots 0 (in) and 1 (out), the token that it pays out
/// behind the code. `swap(amount, to)` pays at once and leaves the in-token to the router.
pub(super) fn pool(pays: Address) -> Vec<u8> {
    assemble(&format!(
        "0 CALLDATALOAD 224 SHR 'swap(uint256,address) EQ @swap JUMPI 0 0 REVERT
         swap: 4 CALLDATALOAD                    ; amount
               997 MUL DUP1 1 SLOAD MUL          ; r1·a·997, a·997
               SWAP1 0 SLOAD 1000 MUL ADD        ; r0·1000 + a·997, r1·a·997
               SWAP1 DIV                         ; out
               DUP1 1 SLOAD SUB 1 SSTORE
               4 CALLDATALOAD 0 SLOAD ADD 0 SSTORE
               'transfer(address,uint256) 224 SHL 0 MSTORE
               36 CALLDATALOAD 4 MSTORE
               DUP1 36 MSTORE
               32 128 68 0 0 {pays:?} GAS CALL ISZERO @fail JUMPI
               DUP1 0 MSTORE 36 CALLDATALOAD 0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67
               32 0 LOG2
               0 MSTORE 32 0 RETURN
         fail: 0 0 REVERT"
    ))
}

/// `swapExact(amount)`: moves the caller's in-tokens to the pool, lets the pool pay the caller, and
/// looks at what the pool has left. It insists on a returned `true`, as compiled code does.
pub(super) fn router(takes: Address, pays: Address, pool: Address) -> Vec<u8> {
    assemble(&format!(
        "0 CALLDATALOAD 224 SHR 'swapExact(uint256) EQ @swap JUMPI 0 0 REVERT
         swap: 'transferFrom(address,address,uint256) 224 SHL 0 MSTORE
               CALLER 4 MSTORE {pool:?} 36 MSTORE 4 CALLDATALOAD 68 MSTORE
               32 128 100 0 0 {takes:?} GAS CALL ISZERO @fail JUMPI
               128 MLOAD 1 EQ ISZERO @fail JUMPI
               'swap(uint256,address) 224 SHL 0 MSTORE
               4 CALLDATALOAD 4 MSTORE CALLER 36 MSTORE
               32 128 68 0 0 {pool:?} GAS CALL ISZERO @fail JUMPI
               'balanceOf(address) 224 SHL 0 MSTORE {pool:?} 4 MSTORE
               32 128 36 0 {pays:?} GAS STATICCALL ISZERO @fail JUMPI
               128 MLOAD ISZERO @fail JUMPI
               1 0 MSTORE 32 0 RETURN
         fail: 0 0 REVERT"
    ))
}

/// Passes on whatever value it is sent, and does not look whether that arrived.
pub(super) fn purse(to: Address) -> Vec<u8> {
    assemble(&format!("0 0 0 0 CALLVALUE {to:?} GAS CALL STOP"))
}

/// Refuses value.
pub(super) fn closed() -> Vec<u8> {
    assemble("0 0 REVERT")
}

/// Creates a counter and sends it one wei, which makes it count.
pub(super) fn factory() -> Vec<u8> {
    let init_code = counter_init_code();
    let mut padded = [0; 32];
    padded[..init_code.len()].copy_from_slice(&init_code);
    let word = crate::U256::from_big_endian(&padded);
    assemble(&format!(
        "0x{word:x} 0 MSTORE {} 0 0 CREATE
         DUP1 ISZERO @fail JUMPI
         0 0 0 0 1 DUP6 GAS CALL ISZERO @fail JUMPI STOP
         fail: 0 0 REVERT",
        init_code.len()
    ))
}

/// Init code of a contract that counts its calls in slot 0.
pub(super) fn counter_init_code() -> Vec<u8> {
    // The code stands at the end of a word in memory.
    let code = assemble("1 0 SLOAD ADD 0 SSTORE STOP");
    let mut word = [0; 32];
    word[32 - code.len()..].copy_from_slice(&code);
    let word = crate::U256::from_big_endian(&word);
    assemble(&format!(
        "0x{word:x} 0 MSTORE {} {} RETURN",
        code.len(),
        32 - code.len()
    ))
}

//! Worked scenarios: small blocks whose receipts, balances, order and rounds are worked out by hand
//! from the rules of deferral, in the comments, and never read off the output. Each runs on the engine
//! (1 and 2 workers, every partition) and on the reference.

mod coinbase;
mod creation;
mod delegation;
mod delivery;
mod destruction;
mod gas;
mod limits;
mod order;
mod ownership;
mod settlement;
mod static_calls;
mod support;

//! One transaction after the other, and the rounds under the synchronous policy, come to the same for
//! every block from Byzantium on; before it only the first is used.

use std::{convert::Infallible, ops::ControlFlow, path::PathBuf};

use deferevm::{
    Evm, Fork,
    block::{
        BlockError, BlockOutcome,
        chain::{Chain, Imported},
        network::{Moment, Network},
        receipts::Outcome,
        sealed::SealedBlock,
        sequential::{self, SequentialOutcome},
    },
    fixtures::{BlockchainTest, ChainBlock, FixtureNetwork, PreState, walk},
    state::{InMemoryDatabase, StateChanges, roots::state_root},
};

/// The suites, and how many of their blocks are executed both ways: those from Byzantium on that can
/// be read and follow the head of their chain. Invalid ones must be refused for the same reason.
const SUITES: [(&str, usize, usize); 3] = [
    ("ValidBlocks", 831, 0),
    ("InvalidBlocks", 283, 109),
    ("TransitionTests", 0, 0),
];

/// How many blocks were compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Compared {
    valid: usize,
    invalid: usize,
}

#[test]
fn a_block_comes_to_the_same_transaction_by_transaction_and_in_rounds() {
    let root = std::env::var_os("DEFEREVM_FIXTURES")
        .expect("DEFEREVM_FIXTURES must name the folder of the unpacked fixtures");
    let root = PathBuf::from(root).join("classic-ethereum-tests/BlockchainTests");
    for (suite, valid, invalid) in SUITES {
        let mut compared = Compared::default();
        let flow = walk(&[root.join(suite)], &mut |file| {
            let file = file.unwrap();
            let tests = BlockchainTest::parse_file(&file.name, &file.read().unwrap()).unwrap();
            for test in tests {
                if let FixtureNetwork::Supported(network) = &test.network {
                    compare_chain(&test, network, &mut compared);
                }
            }
            ControlFlow::Continue(())
        });
        assert!(flow.is_continue());
        assert_eq!(compared, Compared { valid, invalid }, "{suite}");
    }
}

fn compare_chain(test: &BlockchainTest, network: &Network, compared: &mut Compared) {
    let genesis = SealedBlock::decode(&test.genesis).unwrap();
    let state = PreState::new(&test.pre).accounts().clone();
    let mut chain = Chain::new(network.clone(), genesis.header, state);
    for block in &test.blocks {
        compare_block(test, network, chain.head(), block, compared);
        let imported = chain.import(&block.rlp);
        assert_eq!(imported.is_err(), block.expect_exception.is_some());
    }
}

fn compare_block(
    test: &BlockchainTest,
    network: &Network,
    parent: &Imported,
    block: &ChainBlock,
    compared: &mut Compared,
) {
    let Ok(sealed) = SealedBlock::decode(&block.rlp) else {
        return;
    };
    let stage = network.stage(&Moment {
        number: sealed.header.number,
        timestamp: sealed.header.timestamp,
        parent_total_difficulty: parent.total_difficulty,
    });
    if stage.fork < Fork::Byzantium || sealed.header.parent_hash != parent.header.hash {
        return;
    }
    let Ok(executable) = sealed.to_block(stage, network.chain_id, false) else {
        return;
    };
    let one_by_one = sequential::execute(&executable, stage.fork, &parent.state);
    let in_rounds = Evm::new(stage.fork)
        .blob_schedule(stage.blob_schedule)
        .execute_block(&*parent.state, &executable);
    let context = format!("{} block {}", test.name, sealed.header.number);
    match (one_by_one, in_rounds) {
        (Ok(one_by_one), Ok(in_rounds)) => {
            compared.valid += 1;
            assert_same(&one_by_one, &in_rounds, &parent.state, &context);
        }
        (one_by_one, in_rounds) => {
            compared.invalid += 1;
            assert_eq!(reason(one_by_one), reason(in_rounds), "{context}");
        }
    }
}

fn reason<T>(result: Result<T, BlockError<Infallible>>) -> Option<String> {
    result.err().map(|error| error.to_string())
}

fn assert_same(
    one_by_one: &SequentialOutcome,
    in_rounds: &BlockOutcome,
    before: &InMemoryDatabase,
    context: &str,
) {
    let mut cumulative_gas_used = 0;
    assert_eq!(
        one_by_one.receipts.len(),
        in_rounds.roots().len(),
        "{context}"
    );
    for (left, right) in one_by_one.receipts.iter().zip(in_rounds.roots()) {
        cumulative_gas_used += right.tree_gas_used.unwrap();
        let status = Outcome::Status(right.status.is_success());
        assert_eq!(left.outcome, status, "{context}");
        assert_eq!(left.cumulative_gas_used, cumulative_gas_used, "{context}");
        assert_eq!(left.logs, right.logs, "{context}");
    }
    assert_eq!(one_by_one.requests, in_rounds.requests, "{context}");
    let root = |changes: &StateChanges| {
        let mut after = before.clone();
        after.apply(changes);
        state_root(&after)
    };
    assert_eq!(
        root(&one_by_one.changes),
        root(&in_rounds.changes),
        "{context}"
    );
}

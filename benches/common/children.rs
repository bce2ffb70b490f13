//! Processes of the same program that have nothing to do with each other: what the machine gives several
//! of them at a time is its own ceiling, and what one of them needs of memory is that one's alone.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Stdio},
};

use super::measure::median;

/// Tells a process that it is such a child, and what it does.
const VARIABLE: &str = "DEFEREVM_BENCH_CHILD";

/// What this process is to do, if it is a child.
pub fn role() -> Option<String> {
    std::env::var(VARIABLE).ok()
}

/// As a child: makes ready, then for each line on its input runs so many times and answers with the
/// median of what the runs return.
pub fn answer(mut run: impl FnMut() -> f64) {
    run();
    println!("ready");
    for line in std::io::stdin().lines() {
        let runs: usize = line
            .ok()
            .and_then(|line| line.trim().parse().ok())
            .expect("a number of runs");
        let mut times: Vec<f64> = (0..runs.max(1)).map(|_| run()).collect();
        println!("{}", median(&mut times));
    }
}

/// Starts a child.
pub fn start(role: &str) -> Child {
    Command::new(std::env::current_exe().expect("this program has a path"))
        .env(VARIABLE, role)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this program can be started once more")
}

/// The speed-up of so many unconnected processes over one.
pub fn ceiling(role: &str, processes: usize, runs: usize) -> f64 {
    let mut children: Vec<Peer> = (0..processes).map(|_| Peer::new(role)).collect();
    children
        .iter_mut()
        .for_each(|child| assert_eq!(child.line(), "ready"));
    let mut ratios = Vec::new();
    for _ in 0..3 {
        let runs = runs.div_ceil(3);
        children[0].ask(runs);
        let alone = children[0].number();
        children.iter_mut().for_each(|child| child.ask(runs));
        let together: f64 = children.iter_mut().map(Peer::number).sum();
        let count = processes as f64;
        ratios.push(count * alone / (together / count));
    }
    median(&mut ratios)
}

struct Peer {
    child: Child,
    output: BufReader<std::process::ChildStdout>,
}

impl Peer {
    fn new(role: &str) -> Self {
        let mut child = start(role);
        let output = child.stdout.take().expect("its output is piped");
        Self {
            child,
            output: BufReader::new(output),
        }
    }

    fn ask(&mut self, runs: usize) {
        let input = self.child.stdin.as_mut().expect("its input is piped");
        writeln!(input, "{runs}").expect("the child reads until its input ends");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.output
            .read_line(&mut line)
            .expect("the child writes text");
        line.trim().to_owned()
    }

    fn number(&mut self) -> f64 {
        self.line()
            .parse()
            .expect("the child answers with a number")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

//! `cargo xtask bench`: the benchmarks, against the server as it is shipped.

use crate::{
    Outcome,
    process::{cargo, run},
};

pub(crate) fn bench(arguments: &[String]) -> Outcome {
    run(&mut cargo(["build", "--release", "--package", "novantra-server"]))?;
    run(cargo(["run", "--release", "--package", "novantra-bench", "--"]).args(arguments))
}

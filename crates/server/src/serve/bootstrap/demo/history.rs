//! The past of the demo: the steps of findings, claims and packages in the order of their
//! times, each recorded at its time by whoever did it.

use std::time::Duration;

use kernel::{Organization, Stored};

use super::{
    evidence::{ClaimHistory, ClaimStep},
    findings::{FindingHistory, FindingStep},
    people::People,
    submissions::{PackageHistory, PackageStep},
};
use crate::{clock::ReplayClock, failure::Failure, operations::Operator};

/// A step of one record.
enum Step {
    Claim(ClaimStep),
    Finding(FindingStep),
    Package(PackageStep),
}

/// Replays the past, for the registers and the requirements that are imported already.
///
/// # Errors
/// If a step is not allowed, or a store fails.
pub(super) async fn replay(
    operator: &Operator,
    workspace: &Stored<Organization>,
    people: &People,
    clock: &ReplayClock,
) -> Result<(), Failure> {
    let now = clock.present();
    let mut findings = FindingHistory::open(operator, workspace, people, now).await?;
    let mut claims = ClaimHistory::open(operator, workspace, people, now).await?;
    let mut packages = PackageHistory::new(operator, workspace, people, now);
    for (ago, step) in steps() {
        clock.move_to(now - ago);
        match step {
            Step::Claim(step) => claims.run(step).await?,
            Step::Finding(step) => findings.run(step).await?,
            Step::Package(step) => packages.run(step).await?,
        }
    }
    findings.report_duplicate().await
}

/// All steps with the time that has passed since, the earliest first.
fn steps() -> Vec<(Duration, Step)> {
    let claims = ClaimStep::all().into_iter().map(|(ago, step)| (ago, Step::Claim(step)));
    let findings = FindingStep::all().into_iter().map(|(ago, step)| (ago, Step::Finding(step)));
    let packages = PackageStep::all().into_iter().map(|(ago, step)| (ago, Step::Package(step)));
    let mut steps: Vec<_> = claims.chain(findings).chain(packages).collect();
    // Stable, so that the steps of one record keep their order.
    steps.sort_by_key(|(ago, _)| std::cmp::Reverse(*ago));
    steps
}

#[cfg(test)]
mod tests {
    use super::{super::PAST, *};

    #[test]
    fn everything_has_happened_since_the_workspace_was_created() {
        let steps = steps();
        assert!(steps.iter().all(|(ago, _)| *ago < PAST));
        assert!(steps.is_sorted_by_key(|(ago, _)| std::cmp::Reverse(*ago)));
    }
}
